// Payloads: JSON, indented and coloured; bytes as base64.

import type { ReactNode } from "react";
import type { Json } from "../api/types";

/** Beyond it, colours cost more than they give. */
const COLOURED = 20_000;
const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function JsonView({ value, label }: { value: Json | undefined; label: string }) {
  const text = JSON.stringify(value ?? null, null, 2);
  return (
    <pre className="json" tabIndex={0} aria-label={label} role="region">
      {text.length > COLOURED ? text : coloured(text)}
    </pre>
  );
}

function coloured(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    parts.push(text.slice(end, match.index));
    const [whole, string, colon, word] = match;
    const kind = string ? (colon ? "key" : "string") : word ? "word" : "number";
    parts.push(<span key={match.index} className={kind}>{string && colon ? string : whole}</span>, string && colon ? colon : "");
    end = match.index + whole.length;
  }
  parts.push(text.slice(end));
  return parts;
}

export function PayloadView({ json, base64, label }: { json?: Json; base64?: string; label: string }) {
  if (json !== undefined) return <JsonView value={json} label={label} />;
  if (base64) return <pre className="json" tabIndex={0} role="region" aria-label={label}>{base64}</pre>;
  return <p className="muted small">no body</p>;
}

/** In one line, for lists. */
export function brief(json: Json | undefined, base64?: string): string {
  if (json !== undefined) return JSON.stringify(json);
  return base64 ? `base64 ${base64}` : "";
}
