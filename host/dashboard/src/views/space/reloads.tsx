// The reloads, newest first, each with its verdict and what every step took.

import { useReloads } from "../../api/queries";
import type { Reload } from "../../api/types";
import { digest, micros, moment } from "../../model/format";
import { Badge, Empty, toneOf, Wrong } from "../../ui/parts";

export function Reloads({ space }: { space: string }) {
  const { data = [], error, isPending } = useReloads(space);
  return (
    <section className="panel" aria-labelledby="reloads">
      <header>
        <h2 id="reloads">Reloads</h2>
        <small className="muted">the last {data.length}</small>
      </header>
      <Wrong error={error} />
      {!isPending && !error && data.length === 0 && <Empty>None is on record.</Empty>}
      <ol className="timeline">
        {data.map((reload) => <Row key={`${reload.sequence} ${reload.time_ms}`} reload={reload} />)}
      </ol>
    </section>
  );
}

function Row({ reload }: { reload: Reload }) {
  const { from_generation: from, to_generation: to, verdict, reason, time_ms, to_digest } = reload;
  return (
    <li className={toneOf(verdict)}>
      <p className="line">
        <time className="muted mono">{moment(time_ms)}</time>
        <Badge word={verdict} />
        <span>
          {to === null ? `generation ${from ?? "–"} serves on` : from === null ? `generation ${to}, the first` : `generation ${from} → ${to}`}
        </span>
        <span className="muted mono" title={to_digest ?? undefined}>{digest(to_digest)}</span>
      </p>
      {reason && <p className="prewrap reason">{reason}</p>}
      <Steps reload={reload} />
    </li>
  );
}

function Steps({ reload: { took_us } }: { reload: Reload }) {
  const steps = took_us.filter(([, took]) => took > 0);
  if (steps.length === 0) return null;
  return (
    <ul className="steps" aria-label="Steps">
      {steps.map(([step, took]) => (
        <li key={step} className={step}>
          <span className="muted">{step}</span> <span className="mono">{micros(took)}</span>
        </li>
      ))}
    </ul>
  );
}
