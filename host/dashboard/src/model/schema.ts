// A command's schema as a form wants it: every alternative has a name, and what forms cannot show is told.

import type { RJSFSchema } from "@rjsf/utils";
import type { Schema } from "../api/types";

/** The schema, with a title on each alternative that lacks one. */
export function forForm(schema: Schema): RJSFSchema {
  return walk(schema) as RJSFSchema;
}

function walk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(walk);
  if (typeof value !== "object" || value === null) return value;
  const copy: Record<string, unknown> = {};
  for (const [key, part] of Object.entries(value)) {
    const alternatives = (key === "anyOf" || key === "oneOf") && Array.isArray(part);
    copy[key] = alternatives ? part.map((one) => walk(named(one))) : walk(part);
  }
  return copy;
}

function named(alternative: unknown): unknown {
  if (typeof alternative !== "object" || alternative === null || "title" in alternative) return alternative;
  const { $ref, type, const: fixed } = alternative as { $ref?: string; type?: string; const?: unknown };
  const title = $ref?.split("/").at(-1) ?? (fixed !== undefined ? String(fixed) : type === "null" ? "nothing" : type);
  return title ? { ...alternative, title } : alternative;
}

/** Whether it says anything that a form can be made of. */
export function hasShape(schema: Schema | undefined): schema is Schema {
  if (!schema) return false;
  return ["type", "properties", "anyOf", "oneOf", "allOf", "$ref", "enum", "items", "const"].some((key) => key in schema);
}
