// The last turns, newest first; each opens to what came in, what was answered and what was sent.

import { useState } from "react";
import { Problem } from "../../api/client";
import { useTurn, useTurns } from "../../api/queries";
import type { Turn } from "../../api/types";
import { moment } from "../../model/format";
import { PayloadView } from "../../ui/payload";
import { Empty, Wrong } from "../../ui/parts";

const PAGE = 50;

export function History({ space }: { space: string }) {
  const [last, setLast] = useState(PAGE);
  const [failedOnly, setFailedOnly] = useState(false);
  const { data = [], error, isPending } = useTurns(space, last);
  const shown = failedOnly ? data.filter(({ failure }) => failure) : data;
  return (
    <section className="panel" aria-labelledby="history">
      <header>
        <h2 id="history">History</h2>
        <small className="muted">the last {data.length} turns</small>
        <label className="check">
          <input type="checkbox" checked={failedOnly} onChange={(event) => setFailedOnly(event.target.checked)} />
          <span>failures only</span>
        </label>
      </header>
      <Wrong error={error} />
      {!isPending && !error && shown.length === 0 && <Empty>{failedOnly ? "None of them failed." : "It has had no turn yet."}</Empty>}
      <ol className="stream">
        {shown.map((turn) => <Row key={turn.sequence} space={space} turn={turn} />)}
      </ol>
      {data.length >= last && <button className="button more" onClick={() => setLast(last * 2)}>More</button>}
    </section>
  );
}

function Row({ space, turn }: { space: string; turn: Turn }) {
  const [open, setOpen] = useState(false);
  const { kind, name, source, failure, attempt, partition, sequence, time_ms } = turn;
  return (
    <li className={failure ? "failed" : ""}>
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <time className="muted mono">{moment(time_ms)}</time>
          <span className="mono topic">{name ?? "?"}</span>
          <span className="muted">{kind ?? "message"}{source && ` from ${source}`}</span>
          {attempt > 1 && <span className="warn">attempt {attempt}</span>}
          {failure ? <span className="bad mono">{failure.code}</span> : <span className="muted effects">{effects(turn)}</span>}
        </summary>
        <p className="muted small">
          turn <span className="mono">{sequence}</span>, message <span className="mono">{turn.message}</span>, partition {partition}
        </p>
        {failure && <p className="bad prewrap">{failure.message}</p>}
        {open && <InFull space={space} sequence={sequence} />}
      </details>
    </li>
  );
}

function effects({ writes, emitted }: Turn): string {
  const parts = [writes > 0 && `${writes} ${writes === 1 ? "key" : "keys"}`, emitted > 0 && `${emitted} sent`];
  return parts.filter(Boolean).join(" · ");
}

function InFull({ space, sequence }: { space: string; sequence: number }) {
  const { data, error } = useTurn(space, sequence, true);
  if (error instanceof Problem && error.status === 404) return null;
  if (error) return <Wrong error={error} />;
  if (!data) return <p className="muted small">reading …</p>;
  return (
    <div className="in-full">
      <h3>Body</h3>
      <PayloadView json={data.body} base64={data.body_base64} label="Body" />
      {!data.failure && (
        <>
          <h3>Reply</h3>
          <PayloadView json={data.reply} base64={data.reply_base64} label="Reply" />
        </>
      )}
      {data.keys.length > 0 && (
        <>
          <h3>Wrote</h3>
          <p className="mono wrap small">{data.keys.join("  ")}</p>
        </>
      )}
      {data.sent.map((sent, at) => (
        <div key={at}>
          <h3>Sent {sent.kind} <span className="mono">{sent.name}</span></h3>
          <PayloadView json={sent.body} base64={sent.body_base64} label={`Sent ${sent.name}`} />
        </div>
      ))}
    </div>
  );
}
