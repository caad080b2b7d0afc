// The live map: a node for each space and one for all clients, edges as thick as what flows on them, red where it fails.

import { Background, type Edge as FlowEdge, type Node, ReactFlow, ReactFlowProvider, useNodesInitialized, useReactFlow } from "@xyflow/react";
import { useEffect, useMemo, useSyncExternalStore } from "react";
import type { Overview } from "../api/queries";
import type { Edge } from "../model/flow";
import { NODE, place } from "../model/layout";
import { MapEdge, type MapEdgeData } from "./map-edge";
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
  const height = Math.min(Math.max(placed.height + 32, 180), upright ? 560 : 440);
  return (
    <section className="map" style={{ height }} aria-label="Map of spaces and message flow">
      <ReactFlowProvider>
        <Canvas nodes={nodesOf(read, names, placed.places, upright)} edges={edges.map(drawn)} shape={shape} />
      </ReactFlowProvider>
    </section>
  );
}

function namesOf(read: Overview, edges: Edge[]): string[] {
  const others = edges.flatMap(({ from, to }) => [from, to]);
  return [...new Set([...others, ...read.spaces.map(({ name }) => name)])].sort();
}

function nodesOf(read: Overview, names: string[], places: Map<string, { x: number; y: number }>, upright: boolean): Node<MapNodeData>[] {
  return names.map((name) => ({
    id: name,
    type: "space",
    position: places.get(name) ?? { x: 0, y: 0 },
    width: NODE.width,
    height: NODE.height,
    data: { name, upright, space: read.spaces.find((space) => space.name === name), pulse: read.pulses.get(name) },
  }));
}

function drawn(edge: Edge): FlowEdge<MapEdgeData> {
  return { id: `${edge.from} ${edge.to}`, type: "flow", source: edge.from, target: edge.to, data: { edge }, zIndex: edge.rate > 0 ? 1 : 0 };
}

function Canvas({ nodes, edges, shape }: { nodes: Node<MapNodeData>[]; edges: FlowEdge<MapEdgeData>[]; shape: string }) {
  const { fitView, zoomIn, zoomOut } = useReactFlow();
  const ready = useNodesInitialized();
  const fit = () => void fitView({ padding: 0.06, maxZoom: 1.1 });
  useEffect(() => {
    if (!ready) return;
    fit();
    window.addEventListener("resize", fit);
    return () => window.removeEventListener("resize", fit);
  }, [ready, shape]);
  return (
    <>
      <ReactFlow
        nodes={nodes}
        edges={edges}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        fitView
        fitViewOptions={{ padding: 0.06, maxZoom: 1.1 }}
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
      <div className="map-tools">
        <button className="button ghost" aria-label="Zoom in" onClick={() => void zoomIn()}>+</button>
        <button className="button ghost" aria-label="Zoom out" onClick={() => void zoomOut()}>−</button>
        <button className="button ghost" onClick={fit}>Fit</button>
      </div>
    </>
  );
}
