// A node of the map: the space with its state and its turns, as a link to its view.

import { Handle, type Node, type NodeProps, Position } from "@xyflow/react";
import type { Pulse } from "../api/queries";
import type { Space } from "../api/types";
import { CLIENT } from "../model/flow";
import { count, rate } from "../model/format";
import { Spark, toneOf } from "../ui/parts";
import { to } from "../ui/route";

export type MapNodeData = { name: string; upright: boolean; space?: Space; pulse?: Pulse };

export function MapNode({ data }: NodeProps<Node<MapNodeData>>) {
  const [end, start] = data.upright ? [Position.Top, Position.Bottom] : [Position.Left, Position.Right];
  return (
    <>
      <Handle type="target" position={end} isConnectable={false} />
      {data.space ? <SpaceNode space={data.space} pulse={data.pulse} /> : <Outside name={data.name} />}
      <Handle type="source" position={start} isConnectable={false} />
    </>
  );
}

function Outside({ name }: { name: string }) {
  const clients = name === CLIENT;
  return (
    <div className="node outside">
      <span className="name">{clients ? "clients" : name}</span>
      <small>{clients ? "over HTTP" : "not here"}</small>
    </div>
  );
}

function SpaceNode({ space, pulse }: { space: Space; pulse?: Pulse }) {
  const tone = toneOf(space.state);
  const failing = (pulse?.failures.now ?? 0) > 0;
  const waiting = space.usage?.backlog_messages ?? 0;
  const letters = space.usage?.dead_letters ?? 0;
  return (
    <a className={`node ${tone} ${failing ? "failing" : ""}`} href={to("spaces", space.name)}>
      <span className="line">
        <span className={`dot ${failing ? "bad" : tone}`} aria-hidden="true" />
        <span className="name">{space.name}</span>
        {space.generation !== undefined && <span className="generation">g{space.generation}</span>}
      </span>
      <span className="line">
        {space.state === "running" ? (
          <>
            <span className="num">{rate(pulse?.turns.now ?? 0)}/s</span>
            <Spark trail={pulse?.turns.trail ?? []} tone={failing ? "bad" : ""} />
          </>
        ) : (
          <span className={`word ${tone}`}>{space.state}</span>
        )}
        {waiting > 0 && <span className="waiting" title="messages waiting">{count(waiting)} wait</span>}
        {letters > 0 && <span className="letters" title="dead letters">{count(letters)} dead</span>}
      </span>
    </a>
  );
}
