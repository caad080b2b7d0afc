// The live map: a node for each space and one for all clients, edges as thick as what flows on them, red where it fails.

import { Background, type Edge as FlowEdge, MarkerType, type Node, ReactFlow, ReactFlowProvider, useNodesInitialized, useReactFlow } from "@xyflow/react";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Overview } from "../api/queries";
import type { Edge } from "../model/flow";
import { NODE, place, type Placed, wayOf } from "../model/layout";
import { MapEdge, type MapEdgeData, toneOfEdge } from "./map-edge";
import { MapNode, type MapNodeData } from "./map-node";

const NODE_TYPES = { space: MapNode };
const EDGE_TYPES = { flow: MapEdge };
const NARROW = window.matchMedia("(max-width: 700px)");
const TOUCH = window.matchMedia("(pointer: coarse)");

function subscribe(changed: () => void): () => void {
  NARROW.addEventListener("change", changed);
  return () => NARROW.removeEventListener("change", changed);
}

export function FlowMap({ read, edges }: { read: Overview; edges: Edge[] }) {
  const upright = useSyncExternalStore(subscribe, () => NARROW.matches);
  const names = namesOf(read, edges);
  const shape = JSON.stringify([names, edges.map(({ from, to }) => [from, to]), upright]);
  // Where things stand depends on who is there and who talks to whom, not on how much.
  const placed = useMemo(() => place(names, edges, upright), [shape]);
  const height = Math.min(Math.max(placed.height + 40, 180), upright ? 620 : 460);
  return (
    <section className="panel map" aria-labelledby="map">
      <ReactFlowProvider>
        <header>
          <h2 id="map">Map</h2>
          <Legend />
          <Tools />
        </header>
        <div style={{ height }}>
          <Canvas nodes={nodesOf(read, names, placed, upright)} edges={edgesOf(edges, placed)} shape={shape} />
        </div>
      </ReactFlowProvider>
    </section>
  );
}

function namesOf(read: Overview, edges: Edge[]): string[] {
  const others = edges.flatMap(({ from, to }) => [from, to]);
  return [...new Set([...others, ...read.spaces.map(({ name }) => name)])].sort();
}

function nodesOf(read: Overview, names: string[], { places }: Placed, upright: boolean): Node<MapNodeData>[] {
  return names.map((name) => ({
    id: name,
    type: "space",
    position: places.get(name) ?? { x: 0, y: 0 },
    width: NODE.width,
    height: NODE.height,
    data: { name, upright, space: read.spaces.find((space) => space.name === name), pulse: read.pulses.get(name) },
  }));
}

const COLOURS = { failing: "var(--bad)", flowing: "var(--accent)", still: "var(--line-strong)" };

function edgesOf(edges: Edge[], { ways }: Placed): FlowEdge<MapEdgeData>[] {
  return edges.flatMap((edge) => {
    const way = ways.get(wayOf(edge));
    if (!way) return [];
    const markerEnd = { type: MarkerType.Arrow, color: COLOURS[toneOfEdge(edge)], width: 14, height: 14, strokeWidth: 1.4, markerUnits: "userSpaceOnUse" };
    return [{ id: wayOf(edge), type: "flow", source: edge.from, target: edge.to, data: { edge, way }, markerEnd }];
  });
}

function Legend() {
  return (
    <ul className="legend" aria-label="Legend">
      <li><span className="sample command" aria-hidden="true" />commands</li>
      <li><span className="sample event" aria-hidden="true" />events only</li>
      <li><span className="sample failing" aria-hidden="true" />failing</li>
    </ul>
  );
}

const FIT = { padding: 0.05, maxZoom: 1.15 };

function Tools() {
  const { fitView, zoomIn, zoomOut } = useReactFlow();
  return (
    <div className="map-tools">
      <button className="button ghost" aria-label="Zoom in" onClick={() => void zoomIn()}>+</button>
      <button className="button ghost" aria-label="Zoom out" onClick={() => void zoomOut()}>−</button>
      <button className="button ghost" onClick={() => void fitView(FIT)}>Fit</button>
    </div>
  );
}

function Canvas({ nodes, edges, shape }: { nodes: Node<MapNodeData>[]; edges: FlowEdge<MapEdgeData>[]; shape: string }) {
  const { fitView } = useReactFlow();
  const ready = useNodesInitialized();
  const fit = () => void fitView(FIT);
  useEffect(() => {
    if (!ready) return;
    fit();
    window.addEventListener("resize", fit);
    return () => window.removeEventListener("resize", fit);
  }, [ready, shape]);
  return (
    <ReactFlow
      nodes={nodes}
      edges={edges}
      nodeTypes={NODE_TYPES}
      edgeTypes={EDGE_TYPES}
      fitView
      fitViewOptions={FIT}
      minZoom={0.2}
      maxZoom={2}
      nodesDraggable={false}
      nodesConnectable={false}
      nodesFocusable={false}
      edgesFocusable={false}
      elementsSelectable={false}
      panOnDrag={!TOUCH.matches}
      zoomOnScroll={false}
      preventScrolling={false}
      zoomOnDoubleClick={false}
      disableKeyboardA11y
    >
      <Background gap={22} size={1} />
    </ReactFlow>
  );
}
