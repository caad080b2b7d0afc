// What the space has stored, in the order of its keys, page by page.

import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useDeferredValue, useState } from "react";
import { get, spacePath } from "../../api/client";
import type { Space, StateEntry, StatePage } from "../../api/types";
import { count } from "../../model/format";
import { brief, PayloadView } from "../../ui/payload";
import { Empty, Wrong } from "../../ui/parts";

const PAGE = "100";

export function StateBrowser({ space }: { space: Space }) {
  const [prefix, setPrefix] = useState("");
  const [partition, setPartition] = useState("");
  const asked = { prefix: useDeferredValue(prefix), partition };
  const { data, error, hasNextPage, fetchNextPage, isFetching, refetch } = usePages(space.name, asked);
  const entries = data?.pages.flatMap((page) => page.entries) ?? [];
  return (
    <section className="panel" aria-labelledby="state">
      <header>
        <h2 id="state">State</h2>
        <small className="muted">{count(space.usage?.state_keys ?? 0)} keys in all</small>
        <button className="button ghost" onClick={() => void refetch()}>Read again</button>
      </header>
      <div className="row pad">
        <label className="field inline">
          <span>Prefix</span>
          <input value={prefix} onChange={(event) => setPrefix(event.target.value)} className="mono" spellCheck={false} autoComplete="off" />
        </label>
        <Partition of={space.usage?.partitions ?? 1} value={partition} choose={setPartition} />
      </div>
      <Wrong error={error} />
      {data && entries.length === 0 && <Empty>{prefix ? "No key begins so." : "It has stored nothing."}</Empty>}
      <ol className="stream">
        {entries.map((entry) => <Row key={`${entry.partition} ${entry.key ?? entry.key_base64}`} entry={entry} />)}
      </ol>
      {hasNextPage && (
        <button className="button more" disabled={isFetching} onClick={() => void fetchNextPage()}>More</button>
      )}
    </section>
  );
}

function Partition({ of, value, choose }: { of: number; value: string; choose: (value: string) => void }) {
  if (of < 2) return null;
  return (
    <label className="field inline">
      <span>Partition</span>
      <select value={value} onChange={(event) => choose(event.target.value)}>
        <option value="">all</option>
        {Array.from({ length: of }, (_, number) => <option key={number}>{number}</option>)}
      </select>
    </label>
  );
}

function usePages(space: string, { prefix, partition }: { prefix: string; partition: string }) {
  return useInfiniteQuery({
    queryKey: ["state", space, prefix, partition],
    initialPageParam: "",
    placeholderData: keepPreviousData,
    queryFn: ({ pageParam, signal }) => {
      const query = new URLSearchParams({ prefix, limit: PAGE });
      if (partition) query.set("partition", partition);
      if (pageParam) query.set("after", pageParam);
      return get<StatePage>(`${spacePath(space, "state")}?${query}`, signal);
    },
    getNextPageParam: (page) => page.next,
  });
}

function Row({ entry }: { entry: StateEntry }) {
  const key = entry.key ?? `base64 ${entry.key_base64}`;
  return (
    <li>
      <details>
        <summary>
          <span className="mono topic">{entry.cell ? <Key entry={entry} cell={entry.cell} /> : key}</span>
          <span className="mono brief">{brief(entry.value, entry.value_base64)}</span>
          <span className="muted">p{entry.partition}</span>
        </summary>
        <p className="muted small mono wrap">{key}</p>
        <PayloadView json={entry.value} base64={entry.value_base64} label={`Value of ${key}`} />
      </details>
    </li>
  );
}

/** A cell's name, and the members of a map's key. */
function Key({ entry, cell }: { entry: StateEntry; cell: string }) {
  return (
    <>
      {cell}
      {(entry.cell_key ?? []).map((part, at) => <span key={at}><span className="muted"> / </span>{part}</span>)}
    </>
  );
}
