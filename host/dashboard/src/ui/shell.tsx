// What is around every view: the bar above, and on wide screens the list of spaces beside it.

import type { ReactNode } from "react";
import { useSpaces } from "../api/queries";
import { rate } from "../model/format";
import { toneOf, Wrong } from "./parts";
import { to, useRoute } from "./route";
import { ThemeSwitch } from "./theme";

export function Shell({ signOut, children }: { signOut: () => void; children: ReactNode }) {
  const { error } = useSpaces();
  return (
    <div className="shell">
      <a className="skip" href="#main" onClick={(event) => (event.preventDefault(), document.getElementById("main")?.focus())}>
        Skip to the content
      </a>
      <TopBar signOut={signOut} />
      <SideBar />
      <main id="main" tabIndex={-1}>
        {error && <Wrong error={error} />}
        {children}
      </main>
    </div>
  );
}

function TopBar({ signOut }: { signOut: () => void }) {
  const [place = ""] = useRoute();
  const here = (name: string) => ((place === "spaces" ? "" : place) === name ? "page" : undefined);
  return (
    <header className="top">
      <a className="brand" href={to()}>
        <Mark />
        <span>Spacehost</span>
      </a>
      <nav aria-label="Views">
        <a href={to()} aria-current={here("")}>Spaces</a>
        <a href={to("events")} aria-current={here("events")}>Events</a>
      </nav>
      <Liveness />
      <ThemeSwitch />
      <button className="button ghost" onClick={signOut}>Sign out</button>
    </header>
  );
}

function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect x="4" y="6" width="10" height="10" rx="2.5" />
      <rect x="18" y="17" width="10" height="10" rx="2.5" />
      <path d="M14 11h4a5 5 0 0 1 5 5v1" />
    </svg>
  );
}

/** Whether what is shown is what is. */
function Liveness() {
  const { isError, data } = useSpaces();
  const word = isError ? "not reachable" : data ? "live" : "connecting";
  return (
    <span className={`liveness ${isError ? "bad" : data ? "good" : "busy"}`} role="status">
      <span className="dot" aria-hidden="true" />
      <span className="host">{window.location.host}</span>
      <span>{word}</span>
    </span>
  );
}

function SideBar() {
  const { data } = useSpaces();
  const [place, current] = useRoute();
  return (
    <nav className="side" aria-label="Spaces">
      <h2>Spaces</h2>
      <ul>
        {data?.spaces.map((space) => (
          <li key={space.name}>
            <a href={to("spaces", space.name)} aria-current={place === "spaces" && current === space.name ? "page" : undefined}>
              <span className={`dot ${toneOf(space.state)}`} aria-hidden="true" />
              <span className="name">{space.name}</span>
              {space.state === "running" ? (
                <span className="num muted">{rate(data.pulses.get(space.name)?.turns.now ?? 0)}/s</span>
              ) : (
                <span className={`word ${toneOf(space.state)}`}>{space.state}</span>
              )}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}
