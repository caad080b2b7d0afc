// The first view: figures of the whole host, the map, and the list of spaces.

import { useFlow, useSpaces, type Overview as Read } from "../api/queries";
import { edgesOf, type Rated } from "../model/flow";
import { bytes, count, rate } from "../model/format";
import { Empty, Figure, Spark } from "../ui/parts";
import { FlowTable } from "./flow-table";
import { FlowMap } from "./map";
import { SpacesTable } from "./spaces-table";

const NOTHING: Rated[] = [];

export function Overview() {
  const { data } = useSpaces();
  const flow = useFlow();
  if (!data) return null;
  if (data.spaces.length === 0) return <Welcome />;
  const edges = edgesOf(data.spaces, flow.data ?? NOTHING);
  return (
    <div className="view">
      <h1 className="visually-hidden">Spaces</h1>
      <Totals read={data} />
      <FlowMap read={data} edges={edges} />
      <SpacesTable read={data} />
      <FlowTable edges={edges} counted={flow.data != null} />
    </div>
  );
}

function Welcome() {
  return (
    <div className="view">
      <h1>No spaces yet</h1>
      <Empty>Drop a component into the folder that the host watches, and it appears here:</Empty>
      <pre className="json">{"spacehost new greeter\nspacehost build greeter --into spaces"}</pre>
    </div>
  );
}

function Totals({ read }: { read: Read }) {
  const pulses = [...read.pulses.values()];
  const sum = (of: (space: Read["spaces"][number]) => number | undefined) => read.spaces.reduce((all, space) => all + (of(space) ?? 0), 0);
  const turns = pulses.reduce((all, pulse) => all + pulse.turns.now, 0);
  const failing = pulses.reduce((all, pulse) => all + pulse.failures.now, 0);
  const serving = read.spaces.filter(({ state }) => state === "running").length;
  const letters = sum(({ usage }) => usage?.dead_letters);
  return (
    <dl className="figures" aria-label="The whole host">
      <Figure label="Serving" value={serving} unit={`of ${read.spaces.length}`} tone={serving < read.spaces.length ? "warn" : ""} />
      <Figure label="Turns" value={rate(turns)} unit="/s">
        <Spark trail={total(pulses.map((pulse) => pulse.turns.trail))} />
      </Figure>
      <Figure label="Failures" value={rate(failing)} unit="/s" tone={failing > 0 ? "bad" : ""} />
      <Figure label="Waiting" value={count(sum(({ usage }) => usage?.backlog_messages))} unit="messages" />
      <Figure label="Dead letters" value={count(letters)} tone={letters > 0 ? "bad" : ""} />
      <Figure label="Memory" value={bytes(sum(({ usage }) => usage?.memory_bytes))} />
    </dl>
  );
}

/** The sum of all trails, aligned at their ends. */
function total(trails: number[][]): number[] {
  const length = Math.max(0, ...trails.map((trail) => trail.length));
  return Array.from({ length }, (_, back) => trails.reduce((all, trail) => all + (trail.at(back - length) ?? 0), 0));
}
