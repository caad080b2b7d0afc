// Where the nodes of the map stand, and the ways of its edges: layers from the clients on, so that messages flow one way as
// far as they do. What flows back leaves and arrives a little beside, so that both ways can be told apart.

import { graphlib, layout } from "@dagrejs/dagre";

export const NODE = { width: 164, height: 68 };
const BESIDE = 17;

export interface Point {
  x: number;
  y: number;
}

export interface Way {
  path: string;
  middle: Point;
}

export interface Placed {
  /** Upper left corners. */
  places: Map<string, Point>;
  ways: Map<string, Way>;
  width: number;
  height: number;
}

type Pair = { from: string; to: string };

export function wayOf({ from, to }: Pair): string {
  return `${from} ${to}`;
}

export function place(names: string[], edges: Pair[], upright: boolean): Placed {
  const graph = new graphlib.Graph();
  graph.setGraph({ rankdir: upright ? "TB" : "LR", nodesep: 28, ranksep: upright ? 64 : 124, edgesep: 30, marginx: 4, marginy: 4 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const name of names) graph.setNode(name, { ...NODE });
  for (const { from, to } of edges) graph.setEdge(from, to);
  layout(graph);
  const centre = (name: string) => graph.node(name) as unknown as Point;
  const places = new Map(names.map((name) => [name, { x: centre(name).x - NODE.width / 2, y: centre(name).y - NODE.height / 2 }]));
  const ways = new Map<string, Way>();
  for (const edge of edges) {
    const { points = [] } = graph.edge(edge.from, edge.to) as unknown as { points?: Point[] };
    ways.set(wayOf(edge), way(centre(edge.from), centre(edge.to), points.slice(1, -1), upright));
  }
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return { places, ways, width, height };
}

/** Along the layers: from side to side, and round what stands between. */
function way(from: Point, to: Point, between: Point[], upright: boolean): Way {
  const turn = (point: Point): Point => (upright ? { x: point.y, y: point.x } : point);
  const reach = (upright ? NODE.height : NODE.width) / 2;
  const [a, b] = [turn(from), turn(to)];
  const forward = b.x >= a.x;
  const start = forward ? { x: a.x + reach, y: a.y } : { x: a.x - reach, y: a.y + BESIDE };
  const end = forward ? { x: b.x - reach, y: b.y } : { x: b.x + reach, y: b.y + BESIDE };
  // One point between is but the middle between two layers.
  const inner = between.length > 1 ? between.map(turn) : [];
  const points = [start, ...inner, end];
  const write = (point: Point) => `${turn(point).x.toFixed(1)},${turn(point).y.toFixed(1)}`;
  const curves = points.slice(1).map((next, at) => {
    const last = points[at]!;
    const half = (next.x - last.x) / 2;
    return `C${write({ x: last.x + half, y: last.y })} ${write({ x: next.x - half, y: next.y })} ${write(next)}`;
  });
  return { path: `M${write(start)}${curves.join("")}`, middle: turn(middle(points)) };
}

function middle(points: Point[]): Point {
  const at = (points.length - 1) / 2;
  const [a, b] = [points[Math.floor(at)]!, points[Math.ceil(at)]!];
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}
