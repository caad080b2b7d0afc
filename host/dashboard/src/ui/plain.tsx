// Stands in for the renderer of Markdown that rjsf takes: shows the text as it is.

import type { ReactNode } from "react";

export function Markdown({ children }: { children?: ReactNode }) {
  return <>{children}</>;
}
