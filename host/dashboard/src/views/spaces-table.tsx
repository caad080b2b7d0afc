// All spaces, a row each; what needs attention says so in its row.

import type { Overview } from "../api/queries";
import type { Space } from "../api/types";
import { bytes, count, micros, rate } from "../model/format";
import { Badge, Spark } from "../ui/parts";
import { to } from "../ui/route";

export function SpacesTable({ read }: { read: Overview }) {
  const timed = read.spaces.some(({ latency }) => latency);
  return (
    <section className="panel" aria-labelledby="all">
      <header>
        <h2 id="all">Spaces</h2>
      </header>
      <div className="scroll" tabIndex={0} role="region" aria-labelledby="all">
        <table className="spaces">
          <thead>
            <tr>
              <th>Space</th>
              <th>State</th>
              <th>Version</th>
              <th className="num" title="generation">Gen.</th>
              <th className="num">Turns/s</th>
              <th aria-label="Turns per second, lately" />
              {timed && <th className="num">p50</th>}
              {timed && <th className="num">p99</th>}
              <th className="num">Waiting</th>
              <th className="num">Failures</th>
              <th className="num">Dead</th>
              <th className="num">State</th>
              <th className="num">Memory</th>
            </tr>
          </thead>
          <tbody>
            {read.spaces.map((space) => (
              <Row key={space.name} space={space} read={read} timed={timed} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ space, read, timed }: { space: Space; read: Overview; timed: boolean }) {
  const { usage, latency } = space;
  const pulse = read.pulses.get(space.name);
  const letters = usage?.dead_letters ?? 0;
  const failures = (usage?.failures ?? 0) + (usage?.traps ?? 0);
  return (
    <tr>
      <td>
        <a className="name" href={to("spaces", space.name)}>{space.name}</a>
        {space.reason && <small className="reason">{space.reason.split("\n")[0]}</small>}
      </td>
      <td><Badge word={space.state} /></td>
      <td className="mono">{space.version ?? "–"}</td>
      <td className="num">{space.generation ?? "–"}</td>
      <td className="num">{rate(pulse?.turns.now ?? 0)}</td>
      <td className="spark-cell"><Spark trail={pulse?.turns.trail ?? []} tone={(pulse?.failures.now ?? 0) > 0 ? "bad" : ""} /></td>
      {timed && <td className="num">{latency?.count ? micros(latency.p50_us) : "–"}</td>}
      {timed && <td className="num">{latency?.count ? micros(latency.p99_us) : "–"}</td>}
      <td className="num">{count(usage?.backlog_messages ?? 0)}</td>
      <td className={`num ${failures > 0 ? "warn" : ""}`}>{count(failures)}</td>
      <td className={`num ${letters > 0 ? "bad" : ""}`}>{count(letters)}</td>
      <td className="num">{bytes(usage?.state_bytes ?? 0)}</td>
      <td className="num">{bytes(usage?.memory_bytes ?? 0)}</td>
    </tr>
  );
}
