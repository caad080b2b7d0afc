// Light, dark, or as the system has it.

import { useEffect, useState } from "react";

const KEY = "spacehost-theme";
const ORDER = ["system", "light", "dark"] as const;
type Theme = (typeof ORDER)[number];

function kept(): Theme {
  const found = localStorage.getItem(KEY);
  return ORDER.find((theme) => theme === found) ?? "system";
}

/** Before anything is drawn, so that nothing flashes. */
export function applyTheme(theme: Theme = kept()): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const GLYPHS: Record<Theme, string> = { system: "◐", light: "○", dark: "●" };

export function ThemeSwitch() {
  const [theme, setTheme] = useState(kept);
  useEffect(() => {
    applyTheme(theme);
    localStorage.setItem(KEY, theme);
  }, [theme]);
  const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length]!;
  return (
    <button className="button ghost" onClick={() => setTheme(next)} title={`Theme: ${theme}`} aria-label={`Theme: ${theme}. Switch to ${next}`}>
      <span aria-hidden="true">{GLYPHS[theme]}</span>
      <span className="wide-only">{theme}</span>
    </button>
  );
}
