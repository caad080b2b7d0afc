"""A host in a folder of its own, on a free port, and requests to it.

Owns the process. Must not know what is asked of it. Fails with `Broken`, and the end of the host's log is shown.
"""

import json
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

PATIENCE_S = 330
LOG_LINES = 20


class Broken(Exception):
    """What did not hold."""


class Host:
    """A daemon with the spaces of `components`. All its limits are the defaults."""

    def __init__(self, binary: str, folder: Path, components: Path):
        self.binary, self.folder = binary, folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copytree(components, folder / "spaces")
        self.spaces = sorted(file.stem for file in components.glob("*.wasm"))

    def __enter__(self) -> "Host":
        # Nothing of the caller's environment may change what is tested. It ends with this process, however that ends.
        env = {name: value for name, value in os.environ.items() if not name.startswith("SPACEHOST_")}
        words = [self.binary, "run", "spaces", "--listen", "127.0.0.1:0", "--data", "data", "--dev", "--until-input-ends"]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                words, cwd=self.folder, env=env, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        try:
            self.until("all spaces serve", self.serves)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return "http://" + (self.folder / "data" / "address").read_text().strip().removeprefix("http://")

    @property
    def token(self) -> str:
        return (self.folder / "data" / "token").read_text().strip()

    def serves(self) -> bool:
        """Whether each component is a space that runs. One that is refused will not serve later."""
        try:
            _, spaces = self.ask("GET", "/v1/spaces")
        except (OSError, Broken):  # It does not listen yet.
            return False
        for space in spaces["spaces"]:
            if "reason" in space.get("file", {}):
                raise Broken(f"{space['name']}: {space['file']['reason']}")
        running = [space["name"] for space in spaces["spaces"] if space["state"] == "running"]
        return sorted(running) == self.spaces

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict | None = None):
        """Status and JSON of an answer."""
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def until(self, what: str, look):
        """Waits until `look` finds something, and gives it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Broken(f"the host has ended with {self.process.returncode}:\n{self.log_end()}")
            found = look()
            if found:
                return found
            time.sleep(0.1)
        raise Broken(f"after {PATIENCE_S} s it is not true that {what}:\n{self.log_end()}")

    def log_end(self) -> str:
        return "".join((self.folder / "log").read_text().splitlines(keepends=True)[-LOG_LINES:])
