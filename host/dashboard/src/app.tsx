// The frame: who is not let in sees the sign-in, everybody else the view that the address names.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { onLocked } from "./api/client";
import { forget, kept } from "./api/token";
import { Shell } from "./ui/shell";
import { useRoute } from "./ui/route";
import { Events } from "./views/events";
import { Overview } from "./views/overview";
import { SignIn } from "./views/sign-in";
import { SpaceView } from "./views/space/space";

export function App() {
  const client = useQueryClient();
  const [state, setState] = useState<"in" | "out" | "locked">(() => (kept() ? "in" : "out"));

  const leave = (why: "out" | "locked") => {
    forget();
    client.clear();
    setState(why);
  };
  useEffect(() => onLocked(() => leave("locked")), []);

  if (state !== "in") return <SignIn locked={state === "locked"} entered={() => setState("in")} />;
  return (
    <Shell signOut={() => leave("out")}>
      <View />
    </Shell>
  );
}

function View() {
  const [place, space, tab] = useRoute();
  if (place === "spaces" && space) return <SpaceView key={space} name={space} tab={tab ?? "about"} />;
  if (place === "events") return <Events />;
  return <Overview />;
}
