// Server-sent events by fetch, because EventSource cannot send the token in a header. Comes back after the last event.

import { ask } from "./client";

export interface Frame {
  event: string;
  id: string;
  data: string;
}

export type Connection = "connecting" | "open" | "waiting";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

/** Follows a stream until the signal aborts; from after the event `last` on, if it is known. */
export async function follow(
  path: string,
  signal: AbortSignal,
  heard: (frame: Frame) => void,
  state: (state: Connection, error?: unknown) => void,
  last = "",
): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    state("connecting");
    let error: unknown;
    try {
      const headers: Record<string, string> = last ? { "last-event-id": last } : {};
      const response = await ask(path, { signal, headers });
      state("open");
      wait = FIRST_WAIT_MS;
      for await (const frame of frames(response)) {
        if (frame.id) last = frame.id;
        heard(frame);
      }
    } catch (failed) {
      error = failed;
    }
    if (signal.aborted) return;
    state("waiting", error);
    await pause(wait, signal);
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  }
}

async function* frames(response: Response): AsyncGenerator<Frame> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const frame = parse(block);
      if (frame) yield frame;
    }
  }
}

/** A block without data is a comment that keeps the connection alive. */
export function parse(block: string): Frame | null {
  const frame: Frame = { event: "message", id: "", data: "" };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    if (field === "data") data.push(value ?? "");
    else if (field === "event") frame.event = value ?? "";
    else if (field === "id") frame.id = value ?? "";
  }
  if (data.length === 0) return null;
  frame.data = data.join("\n");
  return frame;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
