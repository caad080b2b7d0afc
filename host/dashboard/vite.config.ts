// How the dashboard is built: into `dist/`, which is checked in, so that cargo alone builds the host.
import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` talks to a host that runs; its guard wants to be asked under its own name and by no page from elsewhere.
const host = process.env.SPACEHOST_URL ?? "http://127.0.0.1:7070";

const FONTS: Record<string, string> = {
  "inter-latin-wght-normal.woff2": "inter.woff2",
  "jetbrains-mono-latin-wght-normal.woff2": "mono.woff2",
};

export default defineConfig({
  plugins: [react()],
  resolve: {
    // What a schema says of itself was written by whoever wrote the space: it is shown as text, not taken for markup.
    alias: { "markdown-to-jsx/react": fileURLToPath(new URL("src/ui/plain.tsx", import.meta.url)) },
  },
  build: {
    target: "es2022",
    // Nothing inline: the policy of the page allows no `data:` but for pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
    license: { fileName: "assets/licenses.md" },
    chunkSizeWarningLimit: 800,
    // Names without a digest: the host lists them in `http/dashboard.rs`, and a browser asks it whether they have changed.
    rolldownOptions: { output: { entryFileNames: "assets/[name].js", assetFileNames: ({ names: [name = ""] }) => `assets/${FONTS[name] ?? name}` } },
  },
  server: {
    proxy: {
      "/v1": {
        target: host,
        changeOrigin: true,
        headers: { origin: host },
      },
    },
  },
});
