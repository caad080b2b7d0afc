// Sends one command and shows the answer. The body comes from the form, or is written as JSON.

import Form from "@rjsf/core/lib/components/Form.js";
import { type FormEvent, useState } from "react";
import { ask } from "../../api/client";
import { spacePath } from "../../api/client";
import type { Command, Json } from "../../api/types";
import { micros } from "../../model/format";
import { forForm, hasShape } from "../../model/schema";
import { validator } from "../../model/validator";
import { JsonView } from "../../ui/payload";
import { Notice, Wrong } from "../../ui/parts";
import { malformed } from "../publish";

interface Answer {
  status: number;
  took: number;
  body: string;
}

export function CommandForm({ space, command, alone }: { space: string; command: Command; alone: boolean }) {
  const shaped = hasShape(command.input);
  const [raw, setRaw] = useState(!shaped);
  const [data, setData] = useState<unknown>(undefined);
  const [key, setKey] = useState("");
  const { answer, error, busy, send } = useSend(space, command.name, key);
  const [first, ...rest] = (command.doc ?? "").split("\n\n");
  const id = `command-${command.name}`;
  return (
    <details className="panel command" open={alone}>
      <summary>
        <h2 className="mono">{command.name}</h2>
        <span className="muted">{first}</span>
      </summary>
      <div className="stack pad">
        {rest.map((paragraph) => <p key={paragraph} className="muted">{paragraph}</p>)}
        <div className="row">
          <label className="field inline">
            <span>Partition key <small className="muted">optional</small></span>
            <input value={key} onChange={(event) => setKey(event.target.value)} className="mono" spellCheck={false} autoComplete="off" />
          </label>
          {shaped && (
            <label className="check">
              <input type="checkbox" checked={raw} onChange={(event) => setRaw(event.target.checked)} />
              <span>write JSON</span>
            </label>
          )}
        </div>
        {raw ? (
          <RawForm id={id} begin={data} nothing={!command.input} busy={busy} send={send} />
        ) : (
          <Form
            idPrefix={id}
            schema={forForm(command.input!)}
            validator={validator}
            formData={data}
            onChange={(event) => setData(event.formData)}
            onSubmit={(event) => void send(JSON.stringify(event.formData ?? null))}
            noHtml5Validate
            focusOnFirstError
            showErrorList="top"
            uiSchema={{ "ui:submitButtonOptions": { submitText: "Send", props: { className: "button primary", disabled: busy } } }}
          />
        )}
        {answer && <Answered answer={answer} />}
        <Wrong error={error} />
      </div>
    </details>
  );
}

function useSend(space: string, command: string, key: string) {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const send = async (body: string) => {
    setBusy(true);
    setError(null);
    setAnswer(null);
    const begin = performance.now();
    try {
      const headers: Record<string, string> = { "content-type": "application/json", ...(key && { "spacehost-key": key }) };
      const response = await ask(spacePath(space, "commands", command), { method: "POST", body, headers });
      const text = await response.text();
      setAnswer({ status: response.status, took: performance.now() - begin, body: text });
    } catch (failed) {
      setError(failed);
    }
    setBusy(false);
  };
  return { answer, error, busy, send };
}

function RawForm({ id, begin, nothing, busy, send }: {
  id: string;
  begin: unknown;
  nothing: boolean;
  busy: boolean;
  send: (body: string) => Promise<void>;
}) {
  const [text, setText] = useState(() => (begin === undefined ? "" : JSON.stringify(begin, null, 2)));
  const bad = malformed(text);
  const submit = (event: FormEvent) => (event.preventDefault(), void send(text));
  return (
    <form onSubmit={submit} className="stack">
      <label className="field">
        <span>Body, JSON {nothing && <small className="muted">it takes none</small>}</span>
        <textarea rows={nothing ? 2 : 6} className="mono" value={text} onChange={(event) => setText(event.target.value)} spellCheck={false} aria-invalid={bad !== null} aria-describedby={`${id}-fault`} />
        <small id={`${id}-fault`} className="fault">{bad}</small>
      </label>
      <div className="buttons">
        <button className="button primary" disabled={busy || bad !== null}>Send</button>
      </div>
    </form>
  );
}

function Answered({ answer }: { answer: Answer }) {
  let json: Json | undefined;
  try {
    json = JSON.parse(answer.body);
  } catch {
    json = answer.body;
  }
  return (
    <Notice tone="good" title={<>Replied in {micros(answer.took * 1000)}</>}>
      <JsonView value={json} label="Reply" />
    </Notice>
  );
}
