// The operator's orders. What does harm is asked for again first, and says what it does.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { get, order, spacePath } from "../../api/client";
import type { Holdings, Space } from "../../api/types";
import { bytes, count } from "../../model/format";
import { Confirm, type Question } from "../../ui/dialog";
import { type Item, Menu } from "../../ui/menu";
import { Wrong } from "../../ui/parts";

export function Orders({ space }: { space: Space }) {
  const client = useQueryClient();
  const [question, setQuestion] = useState<Question | null>(null);
  const [error, setError] = useState<unknown>(null);

  const give = async (...path: string[]) => {
    const [what = "", ...query] = path;
    await order(spacePath(space.name, what) + query.join(""));
    await client.invalidateQueries();
  };
  const plainly = (...path: string[]) => {
    setError(null);
    give(...path).catch(setError);
  };
  const purge = async () => {
    setError(null);
    try {
      const held = await get<Holdings>(spacePath(space.name, "purge"));
      const run = async () => {
        await order(spacePath(space.name, "purge"), "POST", { confirm: space.name });
        await client.invalidateQueries();
      };
      setQuestion(purgeQuestion(space.name, held, run));
    } catch (failed) {
      setError(failed);
    }
  };
  return (
    <div className="orders">
      <Menu label="Orders" items={itemsOf(space, { plainly, ask: setQuestion, give, purge })} />
      {question && <Confirm question={question} close={() => setQuestion(null)} />}
      <Wrong error={error} />
    </div>
  );
}

interface Ways {
  plainly: (...path: string[]) => void;
  ask: (question: Question) => void;
  give: (...path: string[]) => Promise<void>;
  purge: () => void;
}

function itemsOf({ name, state, version }: Space, { plainly, ask, give, purge }: Ways): Item[] {
  const asking = (label: string, hint: string, body: string, what: string): Item => ({
    label,
    hint,
    harmful: true,
    run: () => ask({ title: `${label} ${name}?`, body: <p>{body}</p>, action: label, run: () => give(what) }),
  });
  const start: Item = { label: "Start", hint: "serves again", run: () => plainly("start") };
  const running = [
    asking("Stop", "serves no more; keeps everything", "It takes no messages until it is started. Its state and what waits for it are kept.", "stop"),
    asking("Roll back", "to the version before", `The version before ${version ?? "this one"} serves again. This file is not tried again until it changes.`, "rollback"),
    asking("Quarantine", "for one that misbehaves", "It serves no more until it is started or a new version comes. Its state and what waits for it are kept.", "quarantine"),
  ];
  return [
    { label: "Reload", hint: "looks at the file now", run: () => plainly("reload") },
    { label: "Reload by force", hint: "tries again what was refused", run: () => plainly("reload", "?force=true") },
    ...(state === "running" ? running : [start]),
    ...(state === "running" ? [] : [{ label: "Purge", hint: "deletes all it has, for good", harmful: true, run: purge }]),
  ];
}

function purgeQuestion(name: string, held: Holdings, run: () => Promise<void>): Question {
  const rows: [string, string][] = [
    ["keys of state", `${count(held.keys)} (${bytes(held.bytes)})`],
    ["waiting messages", count(held.messages)],
    ["timers", count(held.timers)],
    ["dead letters", count(held.dead_letters)],
  ];
  const body = (
    <>
      <p>This cannot be undone. It deletes:</p>
      <dl className="pairs">
        {rows.map(([what, figure]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{figure}</dd>
          </div>
        ))}
      </dl>
    </>
  );
  return { title: `Purge ${name}?`, body, action: "Purge", typed: name, run };
}
