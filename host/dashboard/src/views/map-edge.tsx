// An edge of the map. Thin and still: it could flow; thicker the more flows; red where some of it fails.

import { BaseEdge, type Edge as FlowEdge, EdgeLabelRenderer, type EdgeProps } from "@xyflow/react";
import type { Edge } from "../model/flow";
import { rate } from "../model/format";
import type { Way } from "../model/layout";

export type MapEdgeData = { edge: Edge; way: Way };

/** Bursts of dots a second, at most: more than that is no motion any more. */
const FASTEST_S = 0.7;

export function toneOfEdge(edge: Edge): "failing" | "flowing" | "still" {
  if (edge.failing > 0) return "failing";
  return edge.rate > 0 ? "flowing" : "still";
}

export function MapEdge({ id, data, markerEnd }: EdgeProps<FlowEdge<MapEdgeData>>) {
  if (!data) return null;
  const { edge, way } = data;
  const tone = toneOfEdge(edge);
  const flowing = edge.rate > 0;
  // A thousandfold rate is some three times as thick.
  const width = flowing ? Math.min(1.5 + Math.log10(1 + edge.rate), 5.5) : 1;
  const events = edge.strands.every(({ kind }) => kind === "event");
  const seconds = Math.max(3 / (1 + Math.log10(1 + edge.rate)), FASTEST_S);
  return (
    <>
      <BaseEdge id={id} path={way.path} markerEnd={markerEnd} className={`edge ${tone} ${events ? "event" : ""}`} style={{ strokeWidth: width }} />
      {flowing && <path d={way.path} className={`pulse ${tone}`} style={{ strokeWidth: width + 1, animationDuration: `${seconds.toFixed(1)}s` }} />}
      {tone !== "still" && (
        <EdgeLabelRenderer>
          <div className={`edge-label ${tone}`} style={{ transform: `translate(-50%, -50%) translate(${way.middle.x}px, ${way.middle.y}px)` }}>
            {rate(edge.rate)}/s{edge.failing > 0 && `, ${rate(edge.failing)} failing`}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
}
