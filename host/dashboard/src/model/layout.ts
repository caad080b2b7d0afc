// Where the nodes of the map stand: layers from the clients on, so that messages flow one way as far as they do.

import { graphlib, layout } from "@dagrejs/dagre";

export const NODE = { width: 172, height: 68 };

export interface Placed {
  places: Map<string, { x: number; y: number }>;
  width: number;
  height: number;
}

export function place(names: string[], edges: { from: string; to: string }[], upright: boolean): Placed {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: upright ? "TB" : "LR", nodesep: upright ? 24 : 26, ranksep: upright ? 56 : 92, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of names) graph.setNode(name, { ...NODE });
  for (const { from, to } of edges) graph.setEdge(from, to);
  layout(graph);
  const places = new Map<string, { x: number; y: number }>();
  for (const name of names) {
    const { x = 0, y = 0 } = graph.node(name) as { x?: number; y?: number };
    places.set(name, { x: x - NODE.width / 2, y: y - NODE.height / 2 });
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { places, width, height };
}
