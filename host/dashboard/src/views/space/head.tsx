// The head of a space's view: state, version, figures, what is wrong with it, and the orders.

import type { Pulse } from "../../api/queries";
import type { Space } from "../../api/types";
import { bytes, count, digest, micros, rate } from "../../model/format";
import { Badge, Figure, Notice, Spark } from "../../ui/parts";
import { Orders } from "./orders";

export function Head({ space, pulse }: { space: Space; pulse?: Pulse }) {
  return (
    <>
      <div className="head">
        <div>
          <h1>{space.name}</h1>
          <Badge word={space.state} />
          <p className="facts">
            {space.version !== undefined && <span>version <b className="mono">{space.version}</b></span>}
            {space.generation !== undefined && <span>generation <b className="mono">{space.generation}</b></span>}
            {space.digest && <span title={space.digest}>digest <b className="mono">{digest(space.digest)}</b></span>}
            {space.file && <span>file <b className="mono">{space.file.file}</b></span>}
          </p>
        </div>
        <Orders space={space} />
      </div>
      {space.descriptor?.doc && <p className="doc">{space.descriptor.doc}</p>}
      <Reason space={space} />
      {space.usage && <Figures space={space} pulse={pulse} />}
    </>
  );
}

/** Why it does not serve, or why its newer file does not; the lines to add stand by themselves. */
function Reason({ space }: { space: Space }) {
  if (!space.reason) return null;
  const [said = "", ...rest] = space.reason.split("\n\n");
  const lines = rest.join("\n\n");
  const running = space.state === "running";
  const title = running ? `Its file is ${space.file?.verdict ?? "refused"}; generation ${space.generation} serves on.` : `It is ${space.state}.`;
  const harmless = running || space.state === "stopped" || space.state === "parked";
  return (
    <Notice tone={harmless ? "warn" : "bad"} title={title}>
      <p className="prewrap">{said}</p>
      {lines && <Lines text={lines} />}
    </Notice>
  );
}

function Lines({ text }: { text: string }) {
  const copy = () => void navigator.clipboard?.writeText(text);
  return (
    <div className="lines">
      <pre className="json" tabIndex={0} role="region" aria-label="Lines to add">{text}</pre>
      <button className="button" onClick={copy}>Copy</button>
    </div>
  );
}

function Figures({ space: { usage, latency, state }, pulse }: { space: Space; pulse?: Pulse }) {
  if (!usage) return null;
  const failing = pulse?.failures.now ?? 0;
  return (
    <dl className="figures" aria-label="Figures">
      <Figure label="Turns" value={rate(pulse?.turns.now ?? 0)} unit="/s">
        <Spark trail={pulse?.turns.trail ?? []} tone={failing > 0 ? "bad" : ""} />
      </Figure>
      {latency && <Figure label="Latency p50" value={latency.count ? micros(latency.p50_us) : "–"} />}
      {latency && <Figure label="Latency p99" value={latency.count ? micros(latency.p99_us) : "–"} />}
      <Figure label="Failures" value={rate(failing)} unit={`/s · ${count(usage.failures + usage.traps)} in all`} tone={failing > 0 ? "bad" : ""} />
      <Figure label="Mailbox" value={count(usage.backlog_messages)} unit="waiting" tone={usage.backlog_messages > 0 && state !== "running" ? "warn" : ""} />
      <Figure label="State" value={bytes(usage.state_bytes)} unit={`${count(usage.state_keys)} keys`} />
      <Figure label="Memory" value={bytes(usage.memory_bytes)} unit={`${usage.partitions} ${usage.partitions === 1 ? "partition" : "partitions"}`} />
    </dl>
  );
}
