// Publishes one event, as a client.

import { type FormEvent, useState } from "react";
import { ask } from "../api/client";
import { Notice, Wrong } from "../ui/parts";

export function Publish({ topics }: { topics: string[] }) {
  const [topic, setTopic] = useState("");
  const [body, setBody] = useState("{}");
  const [key, setKey] = useState("");
  const [sent, setSent] = useState<string | null>(null);
  const [error, setError] = useState<unknown>(null);
  const bad = malformed(body);

  const publish = async (event: FormEvent) => {
    event.preventDefault();
    setSent(null);
    setError(null);
    try {
      const headers: Record<string, string> = { "content-type": "application/json", ...(key && { "spacehost-key": key }) };
      const response = await ask(`/v1/events/${encodeURIComponent(topic.trim())}`, { method: "POST", body, headers });
      setSent((await response.json()).id);
    } catch (failed) {
      setError(failed);
    }
  };
  return (
    <section className="panel" aria-labelledby="publish">
      <header>
        <h2 id="publish">Publish</h2>
      </header>
      <form className="stack pad" onSubmit={publish}>
        <label className="field">
          <span>Topic</span>
          <input value={topic} onChange={(event) => setTopic(event.target.value)} list="topics" required spellCheck={false} autoComplete="off" className="mono" />
        </label>
        <datalist id="topics">
          {topics.map((known) => <option key={known} value={known} />)}
        </datalist>
        <label className="field">
          <span>Payload, JSON</span>
          <textarea value={body} onChange={(event) => setBody(event.target.value)} rows={6} spellCheck={false} className="mono" aria-invalid={bad !== null} aria-describedby="payload-fault" />
          <small id="payload-fault" className="fault">{bad}</small>
        </label>
        <label className="field">
          <span>Partition key <small className="muted">optional</small></span>
          <input value={key} onChange={(event) => setKey(event.target.value)} spellCheck={false} autoComplete="off" className="mono" />
        </label>
        <div className="buttons">
          <button className="button primary" disabled={bad !== null}>Publish</button>
        </div>
        {sent && <Notice tone="good" title={<>Accepted as <code>{sent}</code></>} />}
        <Wrong error={error} />
      </form>
    </section>
  );
}

/** What is wrong with a text that shall be JSON. */
export function malformed(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
