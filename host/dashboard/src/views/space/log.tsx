// The log of the space, as it is written.

import { useEffect, useState } from "react";
import { spacePath } from "../../api/client";
import { type Connection, follow, type Frame } from "../../api/stream";
import type { LogLine } from "../../api/types";
import { moment } from "../../model/format";
import { Empty, Wrong } from "../../ui/parts";

const KEPT = 1_000;
const LEVELS = ["trace", "debug", "info", "warn", "error"];

type Row = { key: number; line?: LogLine; missed?: number };

export function Log({ space }: { space: string }) {
  const { rows, connection, error } = useLog(space);
  const [least, setLeast] = useState("trace");
  const [word, setWord] = useState("");
  const shown = rows.filter(({ line }) => !line || (LEVELS.indexOf(line.level) >= LEVELS.indexOf(least) && line.message.includes(word)));
  return (
    <section className="panel" aria-labelledby="log">
      <header>
        <h2 id="log">Log</h2>
        <small className="muted" role="status">{connection === "open" ? "following" : connection}</small>
      </header>
      <div className="row pad">
        <label className="field inline">
          <span>From level</span>
          <select value={least} onChange={(event) => setLeast(event.target.value)}>
            {LEVELS.map((level) => <option key={level}>{level}</option>)}
          </select>
        </label>
        <label className="field inline">
          <span>With</span>
          <input value={word} onChange={(event) => setWord(event.target.value)} spellCheck={false} autoComplete="off" />
        </label>
      </div>
      <Wrong error={error} />
      {shown.length === 0 && connection === "open" && <Empty>{rows.length === 0 ? "It has written nothing." : "No such line."}</Empty>}
      <ol className="log" aria-label="Lines, newest first">
        {shown.map((row) => <Line key={row.key} row={row} />)}
      </ol>
    </section>
  );
}

function useLog(space: string) {
  const [rows, setRows] = useState<Row[]>([]);
  const [connection, setConnection] = useState<Connection>("connecting");
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const abort = new AbortController();
    let number = 0;
    let waiting: Row[] = [];
    const draw = () => {
      const fresh = waiting.reverse();
      waiting = [];
      setRows((rows) => [...fresh, ...rows].slice(0, KEPT));
    };
    const take = (frame: Frame) => {
      if (waiting.length === 0) requestAnimationFrame(draw);
      const data = JSON.parse(frame.data);
      waiting.push({ key: number++, ...(frame.event === "gap" ? { missed: data.missed } : { line: data }) });
    };
    const state = (state: Connection, failed?: unknown) => {
      // The past comes again with each connection.
      if (state === "open") setRows([]);
      setConnection(state);
      setError(failed ?? null);
    };
    void follow(`${spacePath(space, "logs")}?follow=true&last=200`, abort.signal, take, state);
    return () => abort.abort();
  }, [space]);
  return { rows, connection, error };
}

function Line({ row: { line, missed } }: { row: Row }) {
  if (!line) return <li className="gap">{missed} lines missed</li>;
  return (
    <li className={line.level}>
      <time className="muted">{moment(line.time_ms)}</time>
      <span className="level">{line.level}</span>
      <span className="prewrap">{line.message}</span>
      {line.id && <span className="muted small">{line.id}{line.attempt > 1 && ` attempt ${line.attempt}`}</span>}
    </li>
  );
}
