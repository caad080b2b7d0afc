// Events: publish one, and hear what is published.

import { useSpaces } from "../api/queries";
import { Publish } from "./publish";
import { Tail } from "./tail";

export function Events() {
  const { data } = useSpaces();
  const topics = data?.spaces.flatMap(({ descriptor }) => descriptor?.events.map(({ topic }) => topic) ?? []) ?? [];
  return (
    <div className="view">
      <h1>Events</h1>
      <div className="columns">
        <Publish topics={[...new Set(topics)].sort()} />
        <Tail />
      </div>
    </div>
  );
}
