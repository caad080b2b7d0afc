// One space: what it is and does, and a view for each side of it.

import { useSpaces } from "../../api/queries";
import type { Space } from "../../api/types";
import { count } from "../../model/format";
import { to } from "../../ui/route";
import { About } from "./about";
import { Commands } from "./commands";
import { DeadLetters } from "./dead-letters";
import { Head } from "./head";
import { History } from "./history";
import { Log } from "./log";
import { Reloads } from "./reloads";
import { StateBrowser } from "./state";

const TABS = [
  ["about", "About"],
  ["commands", "Commands"],
  ["history", "History"],
  ["state", "State"],
  ["log", "Log"],
  ["reloads", "Reloads"],
  ["dead-letters", "Dead letters"],
] as const;

export function SpaceView({ name, tab }: { name: string; tab: string }) {
  const { data } = useSpaces();
  const space = data?.spaces.find((space) => space.name === name);
  if (!data) return null;
  if (!space) return <Unknown name={name} />;
  return (
    <div className="view">
      <Head space={space} pulse={data.pulses.get(name)} />
      <nav className="tabs" aria-label={`Views of ${name}`}>
        {TABS.map(([id, label]) => (
          <a key={id} href={to("spaces", name, id)} aria-current={id === tab ? "page" : undefined}>
            {label}
            <Number tab={id} space={space} />
          </a>
        ))}
      </nav>
      <Tab space={space} tab={tab} />
    </div>
  );
}

function Number({ tab, space }: { tab: string; space: Space }) {
  const letters = space.usage?.dead_letters ?? 0;
  if (tab === "dead-letters" && letters > 0) return <span className="number bad">{count(letters)}</span>;
  if (tab === "commands") return <span className="number">{space.descriptor?.commands.length ?? 0}</span>;
  return null;
}

function Tab({ space, tab }: { space: Space; tab: string }) {
  if (tab === "commands") return <Commands space={space} />;
  if (tab === "history") return <History space={space.name} />;
  if (tab === "state") return <StateBrowser space={space} />;
  if (tab === "log") return <Log space={space.name} />;
  if (tab === "reloads") return <Reloads space={space.name} />;
  if (tab === "dead-letters") return <DeadLetters space={space.name} />;
  return <About space={space} />;
}

function Unknown({ name }: { name: string }) {
  return (
    <div className="view">
      <h1>No space {name}</h1>
      <p>There is none of that name any more. <a href={to()}>All spaces</a></p>
    </div>
  );
}
