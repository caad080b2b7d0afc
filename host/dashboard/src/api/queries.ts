// What is polled: the spaces and the flow between them, with rates made of differences.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import type { Rated } from "../model/flow";
import { Counters, type Rate } from "../model/rates";
import { get, Problem, spacePath } from "./client";
import type { DeadLetter, Flow, Reload, Space, Turn, TurnInFull } from "./types";

/** How often figures are asked for, and what is read from the journal. */
const OFTEN_MS = 1_500;
const SELDOM_MS = 4_000;

export interface Pulse {
  turns: Rate;
  failures: Rate;
}

export interface Overview {
  spaces: Space[];
  pulses: Map<string, Pulse>;
  at: number;
}

const counters = new Counters();

export function useSpaces() {
  return useQuery({
    queryKey: ["spaces"],
    refetchInterval: OFTEN_MS,
    queryFn: async ({ signal }): Promise<Overview> => {
      const { spaces } = await get<{ spaces: Space[] }>("/v1/spaces", signal);
      const at = performance.now();
      const pulses = new Map(spaces.map((space) => [space.name, pulseOf(space, at)]));
      return { spaces, pulses, at: Date.now() };
    },
  });
}

function pulseOf({ name, usage }: Space, at: number): Pulse {
  return {
    turns: counters.read(`turns ${name}`, usage?.turns ?? 0, at),
    failures: counters.read(`failures ${name}`, (usage?.failures ?? 0) + (usage?.traps ?? 0), at),
  };
}

/** Nothing, if the host does not count what flows. */
export function useFlow() {
  return useQuery<Rated[] | null>({
    queryKey: ["flow"],
    refetchInterval: (query) => (query.state.data === null ? false : OFTEN_MS),
    queryFn: async ({ signal }): Promise<Rated[] | null> => {
      try {
        const { edges } = await get<Flow>("/v1/flow", signal);
        const at = performance.now();
        return edges.map((edge) => {
          const name = `edge ${edge.from} ${edge.to} ${edge.kind} ${edge.name}`;
          const rate = counters.read(name, edge.messages, at);
          return { ...edge, rate, failing: counters.read(`${name} failing`, edge.failures, at) };
        });
      } catch (error) {
        if (error instanceof Problem && error.status === 404) return null;
        throw error;
      }
    },
  });
}

export function useTurns(space: string, last: number) {
  return useQuery({
    queryKey: ["turns", space, last],
    refetchInterval: SELDOM_MS,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => get<{ turns: Turn[] }>(`${spacePath(space, "history")}?last=${last}`, signal),
    select: ({ turns }) => turns.toReversed(),
  });
}

export function useTurn(space: string, sequence: number, wanted: boolean) {
  return useQuery({
    queryKey: ["turn", space, sequence],
    enabled: wanted,
    staleTime: Infinity,
    queryFn: ({ signal }) => get<TurnInFull>(spacePath(space, "history", String(sequence)), signal),
  });
}

export function useReloads(space: string) {
  return useQuery({
    queryKey: ["reloads", space],
    refetchInterval: SELDOM_MS,
    queryFn: ({ signal }) => get<{ reloads: Reload[] }>(`${spacePath(space, "history")}?last=50&reloads=true`, signal),
    select: ({ reloads }) => reloads.toReversed(),
  });
}

export function useDeadLetters(space: string) {
  return useQuery({
    queryKey: ["dead-letters", space],
    refetchInterval: OFTEN_MS,
    queryFn: ({ signal }) => get<{ dead_letters: DeadLetter[] }>(spacePath(space, "dead-letters"), signal),
    select: ({ dead_letters }) => dead_letters,
  });
}
