// An edge of the map. Thin and still: it could flow; thicker the more flows; red where some of it fails.

import { BaseEdge, type Edge as FlowEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath } from "@xyflow/react";
import type { Edge } from "../model/flow";
import { rate } from "../model/format";

export type MapEdgeData = { edge: Edge };

export function MapEdge({ id, data, ...ends }: EdgeProps<FlowEdge<MapEdgeData>>) {
  const [path, x, y] = getBezierPath({ ...ends, curvature: 0.35 });
  if (!data) return null;
  const { edge } = data;
  const failing = edge.failing > 0;
  const flowing = edge.rate > 0;
  // A thousandfold rate is four times as thick.
  const width = flowing ? Math.min(1.4 + Math.log10(1 + edge.rate) * 1.1, 6) : 1;
  const kinds = new Set(edge.strands.map(({ kind }) => kind));
  const tone = failing ? "failing" : flowing ? "flowing" : "still";
  return (
    <>
      <BaseEdge id={id} path={path} className={`edge ${tone} ${kinds.has("event") && kinds.size === 1 ? "event" : ""}`} style={{ strokeWidth: width }} />
      {flowing && <path d={path} className={`pulse ${tone}`} style={{ strokeWidth: width + 0.6 }} />}
      <EdgeLabelRenderer>
        {flowing && (
          <div className={`edge-label ${tone}`} style={{ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` }}>
            {rate(edge.rate)}/s{failing && ` · ${rate(edge.failing)} failing`}
          </div>
        )}
      </EdgeLabelRenderer>
    </>
  );
}
