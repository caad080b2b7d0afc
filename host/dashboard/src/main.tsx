// Where it begins.
import "@xyflow/react/dist/base.css";
import "./style/tokens.css";
import "./style/base.css";
import "./style/shell.css";
import "./style/parts.css";
import "./style/map.css";
import "./style/forms.css";

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api/client";
import { App } from "./app";
import { applyTheme } from "./ui/theme";

applyTheme();

// What the host refuses, it refuses again; what does not answer may come back, and the next poll finds out.
const retry = (failed: number, error: Error) => failed < 1 && !(error instanceof Problem);
const client = new QueryClient({ defaultOptions: { queries: { retry, refetchOnWindowFocus: true } } });

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <App />
    </QueryClientProvider>
  </StrictMode>,
);
