"""Checks that the two components serve in a host with default limits, and again after a restart, from its cache.

Owns the host that it starts, in a folder of its own, and what is claimed of it. Must not know how the components are
built. Fails with one sentence that says what did not hold, and the end of the host's log.

    python3 check.py <spacehost> <folder of python.wasm and javascript.wasm>
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

SPACES = {"python": "Python", "javascript": "JavaScript"}
# The compiler may take 150 s for each, one after the other, on a machine that has other things to do.
PATIENCE_S = 330
LOG_LINES = 20


class Broken(Exception):
    """What did not hold."""


class Host:
    """A daemon in a folder of its own: drop folder, data and log. All its limits are the defaults."""

    def __init__(self, binary: str, folder: Path):
        self.binary, self.folder, self.process = binary, folder, None
        # Nothing of the caller's environment may change what is tested.
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("SPACEHOST_")}
        self.env["SPACEHOST_DATA"] = "data"

    def start(self) -> None:
        # It ends with this process, however that ends.
        words = [self.binary, "run", "spaces", "--listen", "127.0.0.1:0", "--data", "data", "--until-input-ends"]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                words, cwd=self.folder, env=self.env, stdin=subprocess.PIPE, stdout=log, stderr=log
            )

    def stop(self) -> None:
        """As an operator does: what is in hand is finished."""
        self.process.terminate()
        status = self.process.wait(timeout=60)
        if status != 0:
            raise Broken(f"the host ends with {status} after SIGTERM")

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def command(self, *words: str) -> subprocess.CompletedProcess:
        if self.process.poll() is not None:
            raise Broken(f"the host has ended with {self.process.returncode}")
        return subprocess.run(
            [self.binary, *words],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def asked(self, *words: str):
        """What a command prints as JSON."""
        done = self.command(*words)
        if done.returncode != 0:
            raise Broken(f"`spacehost {' '.join(words)}` fails: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def log_end(self) -> str:
        log = self.folder / "log"
        return "".join(log.read_text().splitlines(keepends=True)[-LOG_LINES:]) if log.exists() else ""


def until(what: str, look):
    """Waits until `look` finds something, and gives it."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise Broken(f"after {PATIENCE_S} s it is not true that {what}")


def both_serve(host: Host) -> bool:
    """What `ps` says. A file that is refused will not serve later."""
    done = host.command("ps", "--json")
    if done.returncode != 0:  # It does not listen yet.
        return False
    spaces = json.loads(done.stdout)["spaces"]
    for file in (space["file"] for space in spaces if "file" in space):
        if "reason" in file:
            raise Broken(f"{file['file']} is {file['verdict']}: {file['reason']}")
    return {space["name"] for space in spaces if space["state"] == "running"} >= SPACES.keys()


def greet(host: Host, space: str, heard: int) -> None:
    reply = host.asked("call", space, "greet", '{"name":"Ada"}')
    expected = {"text": f"Hello Ada, from {SPACES[space]}", "heard": heard}
    if reply != expected:
        raise Broken(f"`{space}` replies {reply}, not {expected}")


def wait_for_heard(host: Host, space: str, count: int) -> None:
    def look() -> bool:
        entries = host.asked("state", space, "--json")["entries"]
        return any(entry["key"] == "heard" and entry["value"] == count for entry in entries)

    until(f"`{space}` has handled {count} greetings of the other", look)


def greet_each_other(host: Host, before: int) -> None:
    """A command to each, whose event the other handles and keeps count of."""
    greet(host, "python", before)
    wait_for_heard(host, "javascript", before + 1)
    greet(host, "javascript", before + 1)
    wait_for_heard(host, "python", before + 1)


def check_failure(host: Host, space: str) -> None:
    done = host.command("call", space, "greet", "{}")
    if done.returncode != 1 or "a greeting needs a name" not in done.stderr:
        raise Broken(f"the failure that `{space}` answers does not arrive: {done.returncode}, {done.stderr.strip()}")


def check_metrics(host: Host) -> None:
    """The official parser reads what Prometheus would, and finds the turns that were made."""
    token, address = ((host.folder / "data" / name).read_text().strip() for name in ("token", "address"))
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    unclear = [name for name, family in families.items() if family.type == "unknown" or not family.documentation]
    if unclear:
        raise Broken(f"these metrics have no type or no help: {unclear}")
    turns = {tuple(sample.labels.values()): sample.value for sample in families["spacehost_turns"].samples}
    for space in SPACES:
        # The greeting, the event of the other, and the greeting without a name.
        found = [turns[space, outcome] for outcome in ("done", "failed", "trapped")]
        if found != [2, 1, 0]:
            raise Broken(f"the metrics of `{space}` tell of {found} turns done, failed and trapped")


def check_inspect(host: Host, space: str) -> dict:
    shown = host.asked("inspect", space, "--json")
    commands = [command["name"] for command in shown["descriptor"]["commands"]]
    if shown["state"] != "running" or commands != ["greet"]:
        raise Broken(f"`inspect {space}` shows the state {shown['state']} and the commands {commands}")
    foreign = [name for name in shown["imports"] if "wasi" in name]
    if foreign:
        raise Broken(f"`{space}` imports more than the contract: {foreign}")
    if shown["usage"]["traps"] != 0:
        raise Broken(f"`{space}` has trapped {shown['usage']['traps']} times")
    return shown


def prepare(folder: Path, components: Path) -> None:
    """From nothing each time, so that the first start compiles."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "spaces").mkdir(parents=True)
    for space in SPACES:
        shutil.copy(components / f"{space}.wasm", folder / "spaces")


def tell(host: Host, title: str, began: float) -> None:
    print(f"{title}: both serve after {time.monotonic() - began:.1f} s")
    for space in SPACES:
        shown = check_inspect(host, space)
        size = (host.folder / "spaces" / f"{space}.wasm").stat().st_size
        loaded = shown["file"]["last_reload"]["compile_ms"]
        usage, limits = shown["usage"], shown["limits"]
        print(
            f"  {space}: {size} bytes of {limits['component_bytes']}, loaded in {loaded} ms, "
            f"memory {usage['memory_bytes']} bytes of {limits['memory_bytes']}"
        )


def cpu_of_children() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def check(host: Host) -> None:
    began, spent_before = time.monotonic(), cpu_of_children()
    host.start()
    until("both spaces serve", lambda: both_serve(host))
    greet_each_other(host, before=0)
    for space in SPACES:
        check_failure(host, space)
    check_metrics(host)
    tell(host, "first start", began)
    host.stop()
    print(f"  CPU of host, compilers and commands: {cpu_of_children() - spent_before:.1f} s")

    # Held open: a file that is written anew cannot have the same number meanwhile.
    code = {path: open(path, "rb") for path in (host.folder / "data" / "cache").glob("*.code")}
    if len(code) != len(SPACES):
        raise Broken(f"the cache holds the code of {len(code)} components, not {len(SPACES)}")
    began = time.monotonic()
    host.start()
    until("both spaces serve again", lambda: both_serve(host))
    greet_each_other(host, before=1)
    tell(host, "restart", began)
    for path, held in code.items():
        if not path.exists() or not os.path.samestat(os.fstat(held.fileno()), path.stat()):
            raise Broken(f"{path.name} was compiled again after the restart")
    host.stop()


def main() -> int:
    binary, components = sys.argv[1], Path(sys.argv[2]).resolve()
    host = Host(binary, components / "host")
    prepare(host.folder, components)
    try:
        check(host)
    except (Broken, subprocess.TimeoutExpired) as broken:
        print(f"tests/languages: {broken}\nthe end of the host's log:\n{host.log_end()}", file=sys.stderr)
        return 1
    finally:
        host.kill()
    print("a space in Python and one in JavaScript serve under the default limits, and again after a restart")
    return 0


sys.exit(main())
