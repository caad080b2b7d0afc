// A menu button: arrow keys move, Escape closes and gives the focus back.

import { type KeyboardEvent, useEffect, useRef, useState } from "react";

export interface Item {
  label: string;
  hint: string;
  harmful?: boolean;
  run: () => void;
}

export function Menu({ label, items }: { label: string; items: Item[] }) {
  const [open, setOpen] = useState(false);
  const whole = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const entries = () => [...(whole.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]") ?? [])];

  useEffect(() => {
    if (!open) return;
    entries()[0]?.focus();
    const outside = (event: Event) => whole.current?.contains(event.target as Node) || setOpen(false);
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, [open]);

  const shut = () => (setOpen(false), button.current?.focus());
  const key = (event: KeyboardEvent) => {
    const all = entries();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1 + all.length, Home: 0, End: all.length - 1 };
    const to = moves[event.key];
    if (open && to !== undefined) all[to % all.length]?.focus();
    else if (open && event.key === "Escape") shut();
    else if (open && event.key === "Tab") return setOpen(false);
    else return;
    event.preventDefault();
  };
  return (
    <div className="menu" ref={whole} onKeyDown={key}>
      <button ref={button} className="button" aria-haspopup="menu" aria-expanded={open} onClick={() => setOpen(!open)}>
        {label} <span className="caret" aria-hidden="true" />
      </button>
      {open && (
        <div role="menu" aria-label={label} className="menu-items">
          {items.map((item) => (
            <button
              key={item.label}
              role="menuitem"
              tabIndex={-1}
              className={item.harmful ? "harmful" : ""}
              onClick={() => (shut(), item.run())}
            >
              <span>{item.label}</span>
              <small>{item.hint}</small>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
