// What the host answers, as far as the dashboard reads it. Optional is what older hosts leave out.

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Schema = { [key: string]: unknown };

export interface Command {
  name: string;
  doc?: string;
  input?: Schema;
  output?: Schema;
}

export interface Descriptor {
  doc?: string;
  version: string;
  commands: Command[];
  events: { topic: string; doc?: string; schema?: Schema; private: boolean }[];
  subscriptions: { pattern: string; doc?: string }[];
  timers: { name: string; doc?: string }[];
  partitions: number;
  wants?: { commands: string[]; publish: string[] };
}

export interface Usage {
  partitions: number;
  turns: number;
  failures: number;
  traps: number;
  retries: number;
  emitted: number;
  backlog_messages: number;
  backlog_bytes: number;
  memory_bytes: number;
  state_keys: number;
  state_bytes: number;
  timers: number;
  dead_letters: number;
  missed_events: number;
  log_lines_suppressed: number;
}

export interface LastReload {
  from_generation: number | null;
  to_generation: number | null;
  warnings: string[];
  [step: string]: unknown;
}

export interface Space {
  name: string;
  state: string;
  reason: string;
  version?: string;
  generation?: number;
  digest?: string;
  path?: string;
  imports?: string[];
  descriptor?: Descriptor;
  grants?: { commands: string[]; publish: string[]; subscribe: string[]; all: boolean };
  limits?: Record<string, number>;
  usage?: Usage;
  used?: Record<string, number>;
  latency?: { p50_us: number; p99_us: number; count: number };
  file?: { file: string; verdict: string; since_ms: number; last_reload?: LastReload | null };
}

export interface FlowEdge {
  from: string;
  to: string;
  kind: string;
  name: string;
  messages: number;
  failures: number;
}

export interface Flow {
  edges: FlowEdge[];
  since_ms?: number;
}

export interface Turn {
  sequence: number;
  time_ms: number;
  partition: number;
  message: string;
  kind: string | null;
  name: string | null;
  source: string | null;
  attempt: number;
  failure: { code: string; message: string } | null;
  writes: number;
  emitted: number;
}

/** A payload: JSON where it is JSON, else bytes. */
export interface Payload {
  body?: Json;
  body_base64?: string;
}

export interface TurnInFull extends Turn, Payload {
  reply?: Json;
  reply_base64?: string;
  keys: string[];
  sent: (Payload & { kind: string; name: string })[];
}

export interface Reload {
  sequence: number;
  time_ms: number;
  from_generation: number | null;
  to_generation: number | null;
  from_digest: string | null;
  to_digest: string | null;
  verdict: string;
  reason: string;
  took_us: [string, number][];
}

export interface LogLine {
  time_ms: number;
  level: string;
  message: string;
  id: string | null;
  attempt: number;
  partition: number;
}

export interface DeadLetter extends Payload {
  id: string;
  kind: string;
  name: string;
  source: string;
  partition: number;
  attempts: number;
  failure: { code: string; message: string };
}

export interface StateEntry {
  partition: number;
  key?: string;
  key_base64?: string;
  cell?: string;
  cell_key?: string[];
  value?: Json;
  value_base64?: string;
}

export interface StatePage {
  entries: StateEntry[];
  next?: string;
}

export interface Holdings {
  keys: number;
  bytes: number;
  messages: number;
  timers: number;
  dead_letters: number;
}

export interface CloudEvent {
  id: string;
  source: string;
  type: string;
  time?: string;
  data?: Json;
  data_base64?: string;
  [extension: string]: unknown;
}
