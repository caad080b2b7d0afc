// Asks before anything that does harm. A native modal dialog: the browser keeps the focus inside and gives it back.

import { type ReactNode, useEffect, useRef, useState } from "react";
import { Wrong } from "./parts";

export interface Question {
  title: string;
  body: ReactNode;
  /** What the button says that does it. */
  action: string;
  harmful?: boolean;
  /** What must be typed first. */
  typed?: string;
  run: () => Promise<void>;
}

export function Confirm({ question, close }: { question: Question; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => dialog.current?.showModal(), []);

  const confirmed = !question.typed || typed === question.typed;
  const run = async () => {
    setBusy(true);
    try {
      await question.run();
      close();
    } catch (failed) {
      setError(failed);
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} className="dialog" aria-labelledby="question" onClose={close}>
      <form method="dialog" onSubmit={(event) => (event.preventDefault(), confirmed && run())}>
        <h2 id="question">{question.title}</h2>
        <div className="stack">{question.body}</div>
        {question.typed && (
          <label className="field">
            <span>
              Type <code>{question.typed}</code> to confirm
            </span>
            <input value={typed} onChange={(event) => setTyped(event.target.value)} autoComplete="off" spellCheck={false} />
          </label>
        )}
        <Wrong error={error} />
        <div className="buttons">
          <button type="button" className="button" onClick={close}>
            Cancel
          </button>
          <button className={`button ${question.harmful === false ? "primary" : "harm"}`} disabled={busy || !confirmed}>
            {question.action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
