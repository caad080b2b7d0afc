// Messages that were set aside after their last attempt: tried again, or dropped for good after asking.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { order, spacePath } from "../../api/client";
import { useDeadLetters } from "../../api/queries";
import type { DeadLetter } from "../../api/types";
import { Confirm, type Question } from "../../ui/dialog";
import { PayloadView } from "../../ui/payload";
import { Empty, Wrong } from "../../ui/parts";

export function DeadLetters({ space }: { space: string }) {
  const { data = [], error, isPending } = useDeadLetters(space);
  const { retry, drop, question, setQuestion, failed } = useGraves(space);
  const all = async (act: (letter: DeadLetter) => Promise<void>) => {
    for (const letter of data) await act(letter);
  };
  const askForAll = () =>
    setQuestion({
      title: `Drop all ${data.length} dead letters of ${space}?`,
      body: <p>They are forgotten for good, and will not have been handled.</p>,
      action: "Drop all",
      run: () => all(drop),
    });
  return (
    <section className="panel" aria-labelledby="dead-letters">
      <header>
        <h2 id="dead-letters">Dead letters</h2>
        <small className="muted">messages set aside after their last attempt</small>
        {data.length > 1 && (
          <>
            <button className="button" onClick={() => void all(retry)}>Retry all</button>
            <button className="button" onClick={askForAll}>Drop all …</button>
          </>
        )}
      </header>
      <Wrong error={error ?? failed} />
      {!isPending && !error && data.length === 0 && <Empty>None.</Empty>}
      <ol className="letters">
        {data.map((letter) => <Letter key={`${letter.id} ${letter.partition}`} letter={letter} retry={retry} ask={setQuestion} drop={drop} />)}
      </ol>
      {question && <Confirm question={question} close={() => setQuestion(null)} />}
    </section>
  );
}

function useGraves(space: string) {
  const client = useQueryClient();
  const [question, setQuestion] = useState<Question | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const again = () => client.invalidateQueries({ queryKey: ["dead-letters", space] });
  const retry = async ({ id }: DeadLetter) => {
    setFailed(null);
    await order(spacePath(space, "dead-letters", id, "retry")).catch(setFailed);
    await again();
  };
  const drop = async ({ id }: DeadLetter) => {
    await order(spacePath(space, "dead-letters", id), "DELETE");
    await again();
  };
  return { retry, drop, question, setQuestion, failed };
}

function Letter({ letter, retry, drop, ask }: {
  letter: DeadLetter;
  retry: (letter: DeadLetter) => Promise<void>;
  drop: (letter: DeadLetter) => Promise<void>;
  ask: (question: Question) => void;
}) {
  const { id, kind, name, source, attempts, failure, partition } = letter;
  const question: Question = {
    title: `Drop the ${kind} ${name}?`,
    body: <p>Message <code>{id}</code> is forgotten for good, and will not have been handled.</p>,
    action: "Drop",
    run: () => drop(letter),
  };
  return (
    <li>
      <div className="line">
        <span className="mono topic">{name}</span>
        <span className="muted">
          {kind} from {source}, {attempts} {attempts === 1 ? "attempt" : "attempts"}, partition {partition}
        </span>
        <span className="mono muted">{id}</span>
        <span className="buttons">
          <button className="button" aria-label={`Retry ${id}`} onClick={() => void retry(letter)}>Retry</button>
          <button className="button" aria-label={`Drop ${id}`} onClick={() => ask(question)}>Drop …</button>
        </span>
      </div>
      <p><code className="code">{failure.code}</code> <span className="prewrap">{failure.message}</span></p>
      <PayloadView json={letter.body} base64={letter.body_base64} label={`Body of ${id}`} />
    </li>
  );
}
