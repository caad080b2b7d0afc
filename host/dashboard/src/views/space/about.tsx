// What a space says of itself, its limits with what is used of them, and its grants.

import type { ReactNode } from "react";
import type { Space } from "../../api/types";
import { ofLimit } from "../../model/format";
import { Empty, Notice } from "../../ui/parts";
import { to } from "../../ui/route";

export function About({ space }: { space: Space }) {
  const warnings = space.file?.last_reload?.warnings ?? [];
  return (
    <>
      {warnings.length > 0 && (
        <Notice tone="warn" title={`Its last reload has ${warnings.length === 1 ? "a warning" : `${warnings.length} warnings`}`}>
          <ul>{warnings.map((warning) => <li key={warning} className="prewrap">{warning}</li>)}</ul>
        </Notice>
      )}
      <div className="columns even">
        <Interface space={space} />
        <div className="stack">
          <Limits space={space} />
          <Access space={space} />
        </div>
      </div>
    </>
  );
}

function Interface({ space: { name, descriptor } }: { space: Space }) {
  if (!descriptor) return <Empty>It has not been loaded, so nothing is known of its interface.</Empty>;
  const { commands, events, subscriptions, timers } = descriptor;
  return (
    <section className="panel" aria-labelledby="interface">
      <header>
        <h2 id="interface">Interface</h2>
      </header>
      <List title="Commands" entries={commands.map(({ name: command, doc }) => [command, doc, to("spaces", name, "commands")])} />
      <List title="Publishes" entries={events.map(({ topic, doc, private: kept }) => [topic, doc, undefined, kept && "private"])} />
      <List title="Hears" entries={subscriptions.map(({ pattern, doc }) => [pattern, doc])} />
      <List title="Timers" entries={timers.map(({ name, doc }) => [name, doc])} />
    </section>
  );
}

type Entry = [name: string, doc?: string, link?: string, mark?: ReactNode];

function List({ title, entries }: { title: string; entries: Entry[] }) {
  if (entries.length === 0) return null;
  return (
    <div className="group">
      <h3>{title}</h3>
      <dl>
        {entries.map(([name, doc, link, mark]) => (
          <div key={name}>
            <dt className="mono">{link ? <a href={link}>{name}</a> : name} {mark && <small className="muted">{mark}</small>}</dt>
            {doc && <dd>{doc.split("\n")[0]}</dd>}
          </div>
        ))}
      </dl>
    </div>
  );
}

function Limits({ space: { limits = {}, used = {} } }: { space: Space }) {
  const known = Object.keys(used).filter((name) => limits[name]);
  known.sort((a, b) => used[b]! / limits[b]! - used[a]! / limits[a]!);
  const others = Object.keys(limits).filter((name) => !(name in used));
  if (known.length + others.length === 0) return null;
  return (
    <section className="panel" aria-labelledby="limits">
      <header>
        <h2 id="limits">Limits</h2>
        <small className="muted">of the fullest partition or turn</small>
      </header>
      <ul className="bars">{known.map((name) => <Bar key={name} name={name} used={used[name]!} limit={limits[name]!} />)}</ul>
      <details className="more">
        <summary>{others.length} limits without a gauge</summary>
        <dl className="pairs">
          {others.map((name) => (
            <div key={name}>
              <dt className="mono">{name}</dt>
              <dd>{ofLimit(name, limits[name]!)}</dd>
            </div>
          ))}
        </dl>
      </details>
    </section>
  );
}

function Bar({ name, used, limit }: { name: string; used: number; limit: number }) {
  const share = Math.min(used / limit, 1);
  const tone = share >= 0.9 ? "bad" : share >= 0.7 ? "warn" : "";
  return (
    <li className={`bar ${tone}`}>
      <span className="mono">{name}</span>
      <span className="num">{ofLimit(name, used)} <span className="muted">of {ofLimit(name, limit)}</span></span>
      <meter min={0} max={1} value={share} aria-label={`${name}: ${Math.round(share * 100)} %`} />
    </li>
  );
}

function Access({ space: { grants, descriptor, imports = [], path } }: { space: Space }) {
  if (!descriptor) return null;
  const rows: [string, string[]][] = [
    ["may send", grants?.all ? ["all messaging (development)"] : (grants?.commands ?? [])],
    ["may publish", [`${descriptor ? "under its own name" : ""}`, ...(grants?.publish ?? [])]],
    ["may hear besides", grants?.subscribe ?? []],
    ["imports", imports],
    ["runs on", path ? [`the ${path} path`] : []],
  ];
  return (
    <section className="panel" aria-labelledby="access">
      <header>
        <h2 id="access">Access</h2>
      </header>
      <dl className="pairs">
        {rows.filter(([, values]) => values.length > 0).map(([what, values]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd className="mono wrap">{values.join(", ")}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
