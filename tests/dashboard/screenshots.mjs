// The pictures: runs the demo, keeps some traffic going as its customers would, and looks at it.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { open, start } from "./browser.mjs";
import { until } from "./host.mjs";

const folder = process.argv[2];
const SIZE = { width: 1180, height: 760 };

const demo = await startDemo();
const browser = await start();
const customers = await trade(demo);
try {
  for (const colorScheme of ["light", "dark"]) {
    await picture(`map-${colorScheme}`, "/#/", colorScheme, lively);
    await picture(`history-${colorScheme}`, "/#/spaces/orders/history", colorScheme, (page) => openTurn(page));
    await picture(`command-${colorScheme}`, "/#/spaces/cart/commands", colorScheme, (page) => sendCommand(page));
  }
} finally {
  customers.stop();
  await browser.close();
  demo.process.kill("SIGINT");
}

async function startDemo() {
  const { SPACEHOST_BIN, SPACEHOST_GUESTS } = process.env;
  const guests = SPACEHOST_GUESTS ? ["--guests", SPACEHOST_GUESTS] : [];
  const child = spawn(SPACEHOST_BIN, ["demo", "shop", "--no-kill", "--listen", "127.0.0.1:0", ...guests], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  for await (const text of child.stdout) {
    said += text;
    const data = /SPACEHOST_DATA=(\S+)\n/.exec(said)?.[1];
    if (!data) continue;
    const url = /runs at (http:\/\/\S+)/.exec(said)[1];
    return { process: child, url, token: readFileSync(join(data, "token"), "utf8").trim() };
  }
  throw new Error(`the demo ended: ${said}`);
}

async function trade({ url, token }) {
  const call = (path, customer, body) =>
    fetch(`${url}/v1/spaces/${path}`, { method: "POST", body, headers: { authorization: `Bearer ${token}`, "spacehost-key": customer } });
  // The demo itself has bought most of what there was.
  await call("inventory/commands/supply", "cd-1499", "100000");
  const visit = async () => {
    const customer = `c${Math.floor(Math.random() * 300)}`;
    await call("cart/commands/add", customer, '{"title":"cd-1499","count":2}');
    await call("cart/commands/checkout", customer, "null");
    if (Math.random() < 0.2) await call("orders/commands/list", customer, "null");
  };
  const timer = setInterval(() => visit().catch(() => {}), 60);
  return { stop: () => clearInterval(timer) };
}

async function picture(name, path, colorScheme, ready) {
  const { page, close } = await open(browser, demo, { viewport: SIZE, colorScheme, reducedMotion: "reduce" });
  await page.goto(path);
  await ready(page);
  await page.evaluate(() => document.activeElement.blur());
  await page.screenshot({ path: join(folder, `${name}.png`) });
  await close();
}

/** Until the lines of the last rates are worth looking at. */
async function lively(page) {
  const points = () => page.evaluate(() => document.querySelector(".node .spark polyline")?.points.length ?? 0);
  await until("the lines have some points", async () => (await points()) >= 8);
}

async function openTurn(page) {
  const turn = page.locator(".stream details").filter({ hasText: "place" }).first();
  await turn.locator("summary").click();
  await turn.getByRole("region", { name: "Sent reserve" }).waitFor();
}

async function sendCommand(page) {
  const form = page.locator("details.command").first();
  await form.locator("summary").click();
  await form.getByLabel("Partition key").fill("ada");
  await form.getByLabel("title").fill("cd-1499");
  await form.getByLabel("count").fill("2");
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByText("Replied in").waitFor();
  await form.scrollIntoViewIfNeeded();
}
