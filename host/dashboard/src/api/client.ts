// Requests to the host: adds the token, and turns what is not 2xx into a Problem that says what to do next.

import { kept } from "./token";
import type { Json } from "./types";

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly next?: string,
    readonly code?: string,
  ) {
    super(detail || title);
  }
}

export interface Ask {
  method?: string;
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Instead of the one that is kept. */
  token?: string;
}

type Listener = () => void;
let locked: Listener = () => {};

/** Whom to tell when the host no longer takes the token. */
export function onLocked(listener: Listener): void {
  locked = listener;
}

export async function ask(path: string, { token, headers, ...rest }: Ask = {}): Promise<Response> {
  const authorization = `Bearer ${token ?? kept() ?? ""}`;
  let response: Response;
  try {
    response = await fetch(path, { ...rest, cache: "no-store", headers: { ...headers, authorization } });
  } catch (error) {
    if (rest.signal?.aborted) throw error;
    throw new Problem(0, "The host does not answer", "It is not running, or cannot be reached from here.");
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && token === undefined) locked();
  throw problem;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await ask(path, { signal })).json();
}

/** An order; its answer may be empty. */
export async function order(path: string, method = "POST", body?: Json): Promise<void> {
  await ask(path, { method, body: body === undefined ? undefined : JSON.stringify(body) });
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const { title, detail, next, code } = await response.json();
    return new Problem(response.status, title ?? response.statusText, detail ?? "", next, code);
  } catch {
    return new Problem(response.status, `Status ${response.status}`, response.statusText);
  }
}

/** A path below one space. */
export function spacePath(space: string, ...rest: string[]): string {
  return ["/v1/spaces", space, ...rest].map((part, at) => (at ? encodeURIComponent(part) : part)).join("/");
}
