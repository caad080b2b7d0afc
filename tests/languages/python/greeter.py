"""A space in Python: greets, says so to others, and counts the greetings that it hears of the JavaScript space."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import messaging, state
from wit_world.imports.types import Failure

DESCRIPTOR = {
    "descriptor": 1,
    "version": "1.0.0",
    "doc": "Greets in Python.",
    "commands": [{"name": "greet", "doc": "Answers a greeting, and how many others it has heard."}],
    "events": [{"topic": "python.greeted"}],
    "subscriptions": [{"pattern": "javascript.greeted"}],
}


def heard() -> int:
    return int(state.get(b"heard") or b"0")


class Handler(exports.Handler):
    def describe(self) -> str:
        return json.dumps(DESCRIPTOR)

    def command(self, name: str, body: bytes) -> bytes:
        # The host lets no other command in than those that are described.
        who = json.loads(body).get("name")
        if who is None:
            raise Err(Failure("nameless", "a greeting needs a name", False))
        messaging.publish("python.greeted", json.dumps({"name": who}).encode())
        return json.dumps({"text": f"Hello {who}, from Python", "heard": heard()}).encode()

    def event(self, topic: str, body: bytes) -> None:
        state.set(b"heard", str(heard() + 1).encode())

    def timer(self, name: str, body: bytes) -> None:
        raise Err(Failure("unknown-timer", f"there is no timer {name}", False))
