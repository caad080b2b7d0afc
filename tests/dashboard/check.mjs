// What an operator does with the dashboard, and what comes of it. Each test reads as a sentence, and has a page of its own; all
// share one host with the shop's spaces and a counter of two versions.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { appendFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { open, start } from "./browser.mjs";
import { Host, until } from "./host.mjs";

const NAMES = ["cart", "catalog", "inventory", "ledger", "notifications", "orders", "payments"];
const SHOP = Object.fromEntries(NAMES.map((name) => [name, name]));
const VIEWS = [
  "/#/",
  "/#/events",
  ...["about", "commands", "history", "state", "log", "reloads", "dead-letters"].map((tab) => `/#/spaces/orders/${tab}`),
];

let browser, host;

before(async () => {
  host = await Host.start({ ...SHOP, counter: "one" });
  browser = await start();
  await host.command("catalog", "offer", [{ title: "cd-1", cents: 1500 }]);
  await host.command("inventory", "supply", 10, "cd-1");
  await buy("ada");
});

after(async () => {
  await browser?.close();
  await host?.end();
});

/** A purchase goes through all of the shop. */
async function buy(customer) {
  await host.command("cart", "add", { title: "cd-1", count: 2 }, customer);
  assert.equal((await host.command("cart", "checkout", null, customer)).status, 200);
}

/** Sets a message aside: the checkout of an empty cart, whose answer nobody waits for. */
async function checkoutOfNothing(customer) {
  const day = `the day of ${customer}`;
  const path = "/v1/spaces/cart/commands/checkout?wait=false";
  assert.equal((await host.ask(path, { method: "POST", body: JSON.stringify({ day }), key: customer })).status, 202);
  await until("the checkout is set aside", async () => (await letters()).some(({ body }) => body.day === day));
}

async function letters() {
  return (await host.ask("/v1/spaces/cart/dead-letters")).body.dead_letters;
}

/** A test with a page; at its end nothing has gone wrong there but what it says must. */
function look(sentence, path, steps, { mustFail = [], ...options } = {}) {
  test(sentence, async () => {
    const { page, wrong, refused, close } = await open(browser, host, options);
    try {
      await page.goto(path);
      await steps(page);
      assert.deepEqual(wrong, [], "nothing on the console");
      assert.deepEqual([...new Set(refused)], mustFail, "no request has failed");
    } finally {
      await close();
    }
  });
}

look("the token is entered once, and is in no address", "/", async (page) => {
  await page.getByLabel("Token").fill(host.token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Map" }).waitFor();
  for (const space of [...Object.keys(SHOP), "counter"]) await page.locator(".map").getByText(space, { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("spacehost-token")), host.token);
  assert.equal(await page.evaluate(() => localStorage.getItem("spacehost-token")), null);
  await page.reload();
  await page.getByRole("heading", { name: "Map" }).waitFor();
  const asked = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.ok(asked.length > 3 && ![page.url(), ...asked].some((url) => url.includes(host.token)));
}, { signedIn: false });

look("the token stays on this device only if the user wants that, and signing out forgets it", "/", async (page) => {
  await page.getByLabel("Token").fill(host.token);
  await page.getByLabel("Stay signed in").check();
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Map" }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("spacehost-token")), host.token);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.equal(await page.evaluate(() => localStorage.length + sessionStorage.length - ("spacehost-theme" in localStorage ? 1 : 0)), 0);
}, { signedIn: false });

look("a wrong token is told, with where the right one lies", "/", async (page) => {
  await page.getByLabel("Token").fill("0".repeat(64));
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("not this host's token").waitFor();
  await page.getByText("cat spacehost-data/token").waitFor();
}, { signedIn: false, mustFail: ["401 /v1/spaces"] });

look("a token that the host no longer takes leads back to where it is entered", "/#/spaces/orders", async (page) => {
  await page.getByRole("heading", { name: "orders" }).waitFor();
  await page.evaluate(() => sessionStorage.setItem("spacehost-token", "1".repeat(64)));
  await page.getByText("no longer takes the token").waitFor();
  await page.getByLabel("Token").waitFor();
}, { mustFail: ["401 /v1/spaces"] });

look("a new version shows up without the page being loaded again", "/#/spaces/counter/reloads", async (page) => {
  await page.getByText("generation 1, the first").waitFor();
  await page.evaluate(() => (window.theSamePage = true));
  host.drop("counter", "two");
  await page.locator(".facts").getByText("generation 2").waitFor();
  await page.getByText("generation 1 → 2").waitFor();
  await page.locator(".timeline li").first().getByText("serving").waitFor();
  assert.equal(await page.evaluate(() => window.theSamePage), true);
});

look("a form sends a command and shows the reply", "/#/spaces/cart/commands", async (page) => {
  const form = await opened(page, "add");
  await form.getByLabel("Partition key").fill("grace");
  await form.getByLabel("title").fill("cd-1");
  await form.getByLabel("count").fill("3");
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByText("Replied in").waitFor();
  assert.deepEqual(JSON.parse(await form.getByLabel("Reply").innerText()), { cds: 3, cents: 4500 });
});

look("a form says what is wrong and sends nothing", "/#/spaces/cart/commands", async (page) => {
  let sent = 0;
  page.on("request", (request) => (sent += request.method() === "POST" ? 1 : 0));
  const form = await opened(page, "add");
  await form.getByLabel("title").fill("cd-1");
  await form.getByLabel("count").fill("-1");
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByRole("alert").getByText("count").waitFor();
  await form.getByLabel("count").fill("");
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByRole("alert").getByText("count is needed").waitFor();
  assert.equal(sent, 0);
});

look("what the space refuses is told with its code", "/#/spaces/cart/commands", async (page) => {
  const form = await opened(page, "checkout");
  await form.getByLabel("Partition key").fill("nobody");
  await form.getByLabel("write JSON").check();
  await form.getByLabel("Body, JSON").fill("null");
  await form.getByRole("button", { name: "Send" }).click();
  await form.getByRole("alert").getByText("empty-cart").first().waitFor();
}, { mustFail: ["422 /v1/spaces/cart/commands/checkout"] });

async function opened(page, command) {
  const form = page.locator("details.command").filter({ has: page.getByRole("heading", { name: command, exact: true }) });
  await form.locator("summary").click();
  return form;
}

look("a turn of the past shows what came in and what went out", "/#/spaces/orders/history", async (page) => {
  const turn = page.locator(".stream details").filter({ hasText: "place" }).first();
  await turn.locator("summary").click();
  const body = JSON.parse(await turn.getByLabel("Body").innerText());
  assert.deepEqual(body.lines, [{ title: "cd-1", count: 2, cents: 1500 }]);
  assert.equal(JSON.parse(await turn.getByLabel("Sent reserve").innerText()).count, 2);
});

look("the state is found by the prefix of its keys", "/#/spaces/orders/state", async (page) => {
  await page.getByLabel("Prefix").fill("orders/ada");
  const entry = page.locator(".stream details").filter({ hasText: "ada" }).first();
  await entry.locator("summary").click();
  assert.equal(JSON.parse(await entry.getByRole("region").innerText()).number, 1);
  await page.getByLabel("Prefix").fill("orders/zoe");
  await page.getByText("No key begins so.").waitFor();
});

look("a dead letter is tried again once its cause is gone, and another one is dropped after asking", "/#/spaces/cart/dead-letters", async (page) => {
  await checkoutOfNothing("carol");
  await checkoutOfNothing("mallory");
  const [carol, mallory] = [letter(page, "carol"), letter(page, "mallory")];
  await carol.getByText("empty-cart").waitFor();
  await host.command("cart", "add", { title: "cd-1", count: 1 }, "carol");
  await carol.getByRole("button", { name: "Retry" }).click();
  await carol.waitFor({ state: "detached" });

  await mallory.getByRole("button", { name: "Drop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  assert.equal((await letters()).length, 1);
  await mallory.getByRole("button", { name: "Drop" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Drop" }).click();
  await mallory.waitFor({ state: "detached" });
  assert.deepEqual(await letters(), []);
});

function letter(page, customer) {
  return page.locator(".letters > li").filter({ hasText: customer });
}

look("an event that is published is heard, also after a pause and after a restart of the host", "/#/events", async (page) => {
  const tail = page.getByRole("region", { name: "Tail" }).or(page.locator("section").filter({ has: page.locator("#tail") })).first();
  await tail.getByLabel("Pattern").fill("news.>");
  await tail.getByRole("button", { name: "Listen" }).click();
  await tail.getByText("listening to news.>").waitFor();
  await publish(page, "news.first", { story: 1 });
  await tail.getByText("news.first").waitFor();
  await tail.getByText('{"story":1}').first().waitFor();

  await tail.getByRole("button", { name: "Pause" }).click();
  await publish(page, "news.second", { story: 2 });
  assert.equal(await tail.getByText("news.second").count(), 0);
  await tail.getByRole("button", { name: "Listen" }).click();
  await tail.getByText("news.second").waitFor();

  await host.stop();
  await tail.getByText("waiting news.>").waitFor();
  await host.run();
  assert.equal((await host.ask("/v1/events/news.third", { method: "POST", body: '{"story":3}' })).status, 202);
  await tail.getByText("news.third").waitFor();
  for (const topic of ["news.first", "news.second"]) assert.equal(await tail.getByText(topic).count(), 1, "nothing is heard twice");
});

async function publish(page, topic, payload) {
  const form = page.locator("section").filter({ has: page.locator("#publish") });
  await form.getByLabel("Topic").fill(topic);
  await form.getByLabel("Payload, JSON").fill(JSON.stringify(payload));
  const accepted = page.waitForResponse((response) => response.url().endsWith(topic) && response.status() === 202);
  await form.getByRole("button", { name: "Publish" }).click();
  await accepted;
}

look("a malformed payload cannot be published", "/#/events", async (page) => {
  await page.getByLabel("Topic").fill("news.bad");
  await page.getByLabel("Payload, JSON").fill("{");
  assert.equal(await page.getByRole("button", { name: "Publish" }).isDisabled(), true);
  assert.notEqual(await page.locator("#payload-fault").innerText(), "");
});

look("stop asks first; purge asks for the name", "/#/spaces/counter", async (page) => {
  const state = async () => (await host.ask("/v1/spaces/counter")).body.state;
  await order(page, "Stop");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await state(), "running");
  await order(page, "Stop");
  await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
  await page.locator(".head .badge", { hasText: "stopped" }).waitFor();
  assert.equal(await state(), "stopped");

  await order(page, "Purge");
  const purge = page.getByRole("dialog").getByRole("button", { name: "Purge" });
  assert.equal(await purge.isDisabled(), true);
  await page.getByLabel("Type counter to confirm").fill("counter");
  await purge.click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await order(page, "Start");
  await page.locator(".head .badge", { hasText: "running" }).waitFor();
});

async function order(page, name) {
  await page.getByRole("button", { name: "Orders" }).click();
  await page.getByRole("menuitem", { name }).first().click();
}

look("a space that is parked shows the lines to add, and serves when they are added", "/#/", async (page) => {
  host.drop("basket", "cart");
  await page.locator("tr", { hasText: "basket" }).getByText("parked").waitFor();
  await page.locator(".spaces").getByRole("link", { name: "basket" }).click();
  const lines = await page.getByLabel("Lines to add").innerText();
  assert.match(lines, /\[spaces\.basket\.grants\]/);
  appendFileSync(host.settings, `\n${lines}\n`);
  await page.locator(".head .badge", { hasText: "running" }).waitFor();
});

look("all that is needed is reached by the keyboard alone", "/", async (page) => {
  await page.locator("input:focus").waitFor();
  await page.keyboard.type(host.token);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Map" }).waitFor();
  await tabTo(page, "orders", "a.node");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "orders", level: 1 }).waitFor();
  await tabTo(page, "Orders", "button");
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(page), /^Stop/);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await page.evaluate(() => document.querySelector("dialog").contains(document.activeElement)), true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await tabTo(page, "Dead letters", "a");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Dead letters" }).waitFor();
}, { signedIn: false });

const focused = (page) => page.evaluate(() => document.activeElement.textContent.trim());

/** Goes on with Tab until that is focused, and sees that the focus shows. */
async function tabTo(page, text, selector) {
  for (let steps = 0; steps < 60; steps++) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate(([text, selector]) => {
      const { activeElement: active } = document;
      return active.matches(selector) && active.textContent.includes(text) && getComputedStyle(active).outlineStyle !== "none";
    }, [text, selector]);
    if (found) return;
  }
  assert.fail(`no Tab leads to ${text}`);
}

look("nothing is wider than a phone", "/", async (page) => {
  for (const view of VIEWS) {
    await page.goto(view);
    await settled(page);
    const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(inner <= outer, `${view} is ${inner} wide on ${outer}`);
  }
}, { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });

look("light and dark follow the system, and a switch goes before it", "/", async (page) => {
  const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).every((part) => part < 60));
  await page.emulateMedia({ colorScheme: "light" });
  assert.equal(await dark(), false);
  await page.emulateMedia({ colorScheme: "dark" });
  assert.equal(await dark(), true);
  await page.getByRole("button", { name: "Switch to light" }).click();
  assert.equal(await dark(), false);
  await page.reload();
  await page.getByRole("button", { name: "Switch to dark" }).waitFor();
  assert.equal(await dark(), false);
});

async function settled(page) {
  await page.getByRole("status").getByText("live").waitFor();
  await page.locator("main h2, main h1").first().waitFor();
}

for (const colorScheme of ["light", "dark"]) {
  look(`axe finds nothing in any view, ${colorScheme}`, "/", async (page) => {
    for (const view of VIEWS) {
      await page.goto(view);
      await settled(page);
      await accessible(page, view);
    }
    await page.goto("/#/spaces/cart/commands");
    await opened(page, "add");
    await accessible(page, "a form");
    await order(page, "Stop");
    await accessible(page, "a question");
  }, { colorScheme });

  look(`axe finds nothing where the token is entered, ${colorScheme}`, "/", async (page) => {
    await page.getByLabel("Token").waitFor();
    await accessible(page, "the sign-in");
  }, { colorScheme, signedIn: false });
}

async function accessible(page, what) {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], what);
}
