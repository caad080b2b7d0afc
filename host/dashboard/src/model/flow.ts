// The edges of the map: what flows, joined with what the spaces say of themselves could flow.

import type { FlowEdge, Space } from "../api/types";
import type { Rate } from "./rates";
import { overlap } from "./topics";

export const CLIENT = "client";

export interface Strand {
  kind: string;
  name: string;
  rate: number;
  failing: number;
  messages: number;
  failures: number;
}

export interface Edge {
  from: string;
  to: string;
  strands: Strand[];
  rate: number;
  failing: number;
}

export type Rated = FlowEdge & { rate: Rate; failing: Rate };

/** One edge for each pair; a strand for each name of a message. */
export function edgesOf(spaces: Space[], flow: Rated[]): Edge[] {
  const edges = new Map<string, Edge>();
  const strands = new Map<string, Strand>();
  const add = (from: string, to: string, strand: Strand) => {
    const place = `${from}\n${to}`;
    const known = strands.get(`${place}\n${strand.kind}\n${strand.name}`);
    if (known) return;
    strands.set(`${place}\n${strand.kind}\n${strand.name}`, strand);
    const edge = edges.get(place) ?? { from, to, strands: [], rate: 0, failing: 0 };
    edge.strands.push(strand);
    edge.rate += strand.rate;
    edge.failing += strand.failing;
    edges.set(place, edge);
  };
  for (const { from, to, kind, name, rate, failing, messages, failures } of flow) {
    add(from, to, { kind, name, rate: rate.now, failing: failing.now, messages, failures });
  }
  const flowing = new Set(flow.map(({ from, to, name }) => `${from}\n${to}\n${name}`));
  for (const { from, to, kind, name } of declared(spaces)) {
    if (!flowing.has(`${from}\n${to}\n${name}`)) {
      add(from, to, { kind, name, rate: 0, failing: 0, messages: 0, failures: 0 });
    }
  }
  return [...edges.values()].filter((edge) => edge.from !== edge.to);
}

type Declared = Pick<FlowEdge, "from" | "to" | "kind" | "name">;

function declared(spaces: Space[]): Declared[] {
  return spaces.flatMap((space) => [...commandsOf(space, spaces), ...eventsOf(space, spaces)]);
}

function commandsOf(space: Space, all: Space[]): Declared[] {
  const wanted = space.descriptor?.wants?.commands ?? [];
  return wanted.flatMap((address) => {
    const [to = "", name = ""] = address.split("/");
    return all.some((other) => other.name === to) ? [{ from: space.name, to, kind: "command", name }] : [];
  });
}

function eventsOf(space: Space, all: Space[]): Declared[] {
  const topics = space.descriptor?.events ?? [];
  return topics.flatMap(({ topic }) =>
    all
      .filter((other) => other.descriptor?.subscriptions.some(({ pattern }) => overlap(pattern, topic)))
      .map((other) => ({ from: space.name, to: other.name, kind: "event", name: topic })),
  );
}
