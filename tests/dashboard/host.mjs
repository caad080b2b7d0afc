// A host with sample spaces, in a folder of its own, that ends with this process. Owns the folder; fails when the host does
// not start.

import { spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { SPACEHOST_BIN, SPACEHOST_GUESTS, SPACEHOST_SHOP } = process.env;

export class Host {
  static async start(spaces) {
    const host = new Host();
    host.folder = mkdtempSync(join(tmpdir(), "spacehost-dashboard-"));
    host.settings = join(host.folder, "spacehost.toml");
    copyFileSync(join(SPACEHOST_SHOP, "spacehost.toml"), host.settings);
    mkdirSync(join(host.folder, "spaces"));
    for (const [space, guest] of Object.entries(spaces)) host.drop(space, guest);
    await host.run();
    return host;
  }

  /** Puts a guest into the drop folder, whole or not at all. */
  drop(space, guest) {
    const unfinished = join(this.folder, `${space}.part`);
    copyFileSync(join(SPACEHOST_GUESTS, `${guest}.wasm`), unfinished);
    renameSync(unfinished, join(this.folder, "spaces", `${space}.wasm`));
  }

  async run() {
    const data = join(this.folder, "data");
    const options = ["--listen", this.listen ?? "127.0.0.1:0", "--data", data, "--settings", this.settings, "--until-input-ends"];
    this.process = spawn(SPACEHOST_BIN, ["run", join(this.folder, "spaces"), ...options], { stdio: ["pipe", "pipe", "pipe"] });
    this.said = "";
    this.process.stderr.on("data", (text) => (this.said += text));
    const line = await new Promise((resolve, reject) => {
      this.process.stdout.once("data", (text) => resolve(String(text)));
      this.process.once("exit", () => reject(new Error(`the host ended: ${this.said}`)));
    });
    this.url = /http:\/\/[\d.:]+/.exec(line)[0];
    this.listen = this.url.slice("http://".length);
    this.token = readFileSync(join(data, "token"), "utf8").trim();
    await until("all spaces are loaded", async () => (await fetch(`${this.url}/readyz`)).ok);
  }

  async ask(path, { key, ...rest } = {}) {
    const headers = { authorization: `Bearer ${this.token}`, ...(key && { "spacehost-key": key }) };
    const response = await fetch(this.url + path, { ...rest, headers });
    const text = await response.text();
    return { status: response.status, body: text && response.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text };
  }

  command(space, name, body, key) {
    return this.ask(`/v1/spaces/${space}/commands/${name}`, { method: "POST", body: JSON.stringify(body), key });
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin.end();
    await ended;
  }

  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Asks again until it is so; gives up after a time that is far beyond what it takes. */
export async function until(what, holds) {
  const end = Date.now() + 60_000;
  for (;;) {
    const found = await Promise.resolve().then(holds).catch(() => undefined);
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
