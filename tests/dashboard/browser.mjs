// A Chromium, and pages of it that remember what went wrong: errors on the console, in scripts, and of the page's policy,
// and requests that failed.

import { chromium } from "playwright-core";

const PATIENCE_MS = 60_000;

export async function start() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  // As root, as in CI, Chromium has no sandbox of its own.
  return chromium.launch({ executablePath, args: process.getuid() === 0 ? ["--no-sandbox"] : [] });
}

export async function open(browser, host, { signedIn = true, ...options } = {}) {
  const context = await browser.newContext({ baseURL: host.url, viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const wrong = [];
  const refused = [];
  await context.exposeFunction("tellViolation", (what) => wrong.push(`policy: ${what}`));
  await context.addInitScript(() =>
    addEventListener("securitypolicyviolation", (event) => window.tellViolation(`${event.violatedDirective} ${event.blockedURI}`)),
  );
  if (signedIn) await context.addInitScript((token) => sessionStorage.setItem("spacehost-token", token), host.token);
  const page = await context.newPage();
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("console", (message) => {
    // A failed request is in the other list, with its status.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) wrong.push(message.text());
  });
  page.on("response", (response) => {
    if (response.status() >= 400) refused.push(`${response.status()} ${new URL(response.url()).pathname}`);
  });
  return { page, wrong, refused, close: () => context.close() };
}
