// What the map shows, in words and figures: who sends what to whom.

import type { Edge } from "../model/flow";
import { count, rate } from "../model/format";

export function FlowTable({ edges, counted }: { edges: Edge[]; counted: boolean }) {
  const rows = edges.flatMap((edge) => edge.strands.map((strand) => ({ ...strand, from: edge.from, to: edge.to })));
  rows.sort((a, b) => b.rate - a.rate || b.messages - a.messages || a.from.localeCompare(b.from));
  if (rows.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="flow">
      <header>
        <h2 id="flow">Flow</h2>
        {!counted && <small className="muted">as the spaces declare it; this host does not count it</small>}
      </header>
      <div className="scroll" tabIndex={0} role="region" aria-labelledby="flow">
        <table>
          <thead>
            <tr>
              <th>From</th>
              <th>To</th>
              <th>Message</th>
              <th>Kind</th>
              <th className="num">Per second</th>
              <th className="num">In all</th>
              <th className="num">Failed</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={`${row.from} ${row.to} ${row.kind} ${row.name}`}>
                <td>{row.from}</td>
                <td>{row.to}</td>
                <td className="mono">{row.name}</td>
                <td className="muted">{row.kind}</td>
                <td className="num">{counted ? rate(row.rate) : "–"}</td>
                <td className="num">{counted ? count(row.messages) : "–"}</td>
                <td className={`num ${row.failures > 0 ? "bad" : ""}`}>{counted ? count(row.failures) : "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
