// Events as they are published. A stream that breaks goes on after the last event that was heard; what is lost is shown.

import { type FormEvent, useEffect, useRef, useState } from "react";
import { type Connection, follow, type Frame } from "../api/stream";
import type { CloudEvent } from "../api/types";
import { clock, count } from "../model/format";
import { brief, PayloadView } from "../ui/payload";
import { Empty, Wrong } from "../ui/parts";

const KEPT = 500;

type Row = { key: number; event?: CloudEvent; gap?: { missed?: number; from?: string; to?: string; reason?: string } };

export function Tail() {
  const [pattern, setPattern] = useState(">");
  const [listening, setListening] = useState<string | null>(null);
  const { rows, heard, connection, error, clear } = useTail(listening);
  const toggle = (event: FormEvent) => {
    event.preventDefault();
    setListening(listening === null ? pattern.trim() || ">" : null);
  };
  return (
    <section className="panel grow" aria-labelledby="tail">
      <header>
        <h2 id="tail">Tail</h2>
        <small className="muted" role="status">
          {listening === null ? "not listening" : `${connection === "open" ? "listening to" : connection} ${listening} · ${count(heard)} heard`}
        </small>
        {rows.length > 0 && <button className="button ghost" onClick={clear}>Clear</button>}
      </header>
      <form className="row pad" onSubmit={toggle}>
        <label className="field inline">
          <span>Pattern</span>
          <input value={pattern} onChange={(event) => setPattern(event.target.value)} disabled={listening !== null} className="mono" spellCheck={false} autoComplete="off" />
        </label>
        <button className={`button ${listening === null ? "primary" : ""}`}>{listening === null ? "Listen" : "Pause"}</button>
      </form>
      <Wrong error={error} />
      {rows.length === 0 && <Empty>{listening === null ? "`*` is one token, a final `>` the rest: `orders.*` hears `orders.paid`." : "Nothing yet."}</Empty>}
      <ol className="stream" aria-label="Events, newest first">
        {rows.map((row) => <Entry key={row.key} row={row} />)}
      </ol>
    </section>
  );
}

function useTail(pattern: string | null) {
  const [rows, setRows] = useState<Row[]>([]);
  const [heard, setHeard] = useState(0);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [error, setError] = useState<unknown>(null);
  const last = useRef({ pattern: "", id: "" });
  useEffect(() => {
    if (pattern === null) return;
    // After a pause it goes on where it was, unless something else is listened to.
    if (last.current.pattern !== pattern) last.current = { pattern, id: "" };
    const abort = new AbortController();
    let waiting: Row[] = [];
    let number = 0;
    // A busy host says more than can be drawn: what came within a frame is drawn together.
    const draw = () => {
      const fresh = waiting.reverse();
      waiting = [];
      setRows((rows) => [...fresh, ...rows].slice(0, KEPT));
      setHeard((heard) => heard + fresh.length);
    };
    const take = (frame: Frame) => {
      if (waiting.length === 0) requestAnimationFrame(draw);
      if (frame.id) last.current.id = frame.id;
      const data = JSON.parse(frame.data);
      waiting.push({ key: Date.now() * 1000 + (number++ % 1000), ...(frame.event === "gap" ? { gap: data } : { event: data }) });
    };
    const state = (state: Connection, failed?: unknown) => (setConnection(state), setError(failed ?? null));
    void follow(`/v1/events?pattern=${encodeURIComponent(pattern)}`, abort.signal, take, state, last.current.id);
    return () => abort.abort();
  }, [pattern]);
  return { rows, heard, connection, error, clear: () => setRows([]) };
}

function Entry({ row: { event, gap } }: { row: Row }) {
  if (!event) {
    const lost = gap?.missed !== undefined ? `${count(gap.missed)} events missed` : (gap?.reason ?? "events are missing");
    return <li className="gap">gap: {lost}{gap?.from && <span className="mono"> after {gap.from}</span>}</li>;
  }
  return (
    <li>
      <details>
        <summary>
          <time className="muted mono">{event.time ? clock(Date.parse(event.time)) : ""}</time>
          <span className="mono topic">{event.type}</span>
          <span className="mono brief">{brief(event.data, event.data_base64)}</span>
        </summary>
        <p className="muted small">
          <span className="mono">{event.id}</span> from <span className="mono">{event.source}</span>
        </p>
        <PayloadView json={event.data} base64={event.data_base64} label={`Payload of ${event.id}`} />
      </details>
    </li>
  );
}
