// Small parts that all views share.

import type { ReactNode } from "react";
import { Problem } from "../api/client";

const TONES: Record<string, string> = {
  running: "good", serving: "good", done: "good",
  starting: "busy", compiling: "busy",
  stopped: "quiet", removed: "quiet", unknown: "quiet",
  parked: "warn", blocked: "warn", "rolled-back": "warn",
};

/** How bad a state or verdict is. */
export function toneOf(word: string): string {
  return TONES[word] ?? "bad";
}

export function Badge({ word }: { word: string }) {
  return <span className={`badge ${toneOf(word)}`}>{word}</span>;
}

export function Notice({ tone = "bad", title, children }: { tone?: string; title: ReactNode; children?: ReactNode }) {
  return (
    <div className={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <strong>{title}</strong>
      {children}
    </div>
  );
}

/** What went wrong, and what to do. */
export function Wrong({ error }: { error: unknown }) {
  if (!error) return null;
  if (!(error instanceof Problem)) return <Notice title={String(error)} />;
  return (
    <Notice title={error.title}>
      {error.code && <code className="code">{error.code}</code>}
      {error.detail && <p className="prewrap">{error.detail}</p>}
      {error.next && <p className="muted">{error.next}</p>}
    </Notice>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

export function Figure({ label, value, unit, tone, children }: {
  label: string;
  value: ReactNode;
  unit?: string;
  tone?: string;
  children?: ReactNode;
}) {
  return (
    <div className={`figure ${tone ?? ""}`}>
      <dt>{label}</dt>
      <dd>
        <span className="value">{value}</span>
        {unit && <span className="unit">{unit}</span>}
        {children}
      </dd>
    </div>
  );
}

const WIDTH = 96;
const HEIGHT = 22;

/** A line of the last rates; says nothing that a figure beside it does not say. */
export function Spark({ trail, tone = "" }: { trail: number[]; tone?: string }) {
  const points = trail.slice(-40);
  const most = Math.max(...points, 0.001);
  const step = WIDTH / Math.max(points.length - 1, 1);
  const place = (value: number, at: number) => `${(at * step).toFixed(1)},${(HEIGHT - 1 - (value / most) * (HEIGHT - 3)).toFixed(1)}`;
  const line = points.map(place).join(" ");
  return (
    <svg className={`spark ${tone}`} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {points.length > 1 && (
        <>
          <polygon points={`0,${HEIGHT} ${line} ${WIDTH},${HEIGHT}`} />
          <polyline points={line} />
        </>
      )}
    </svg>
  );
}
