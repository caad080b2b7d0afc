"""CloudEvents: what their official SDK sends is taken in, and what listeners get it can read.

Must not know how the host keeps them. Fails when an attribute or the data of an event is not what was sent.
"""

import json
import threading
import urllib.request
from datetime import datetime, timezone

from cloudevents.core.bindings import http
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from host import Broken, Host

FORMAT = JSONFormat()


def attributes(number: int, **more) -> dict:
    return {
        "id": f"standard-{number}",
        "source": "https://example.com/till/3?drawer=1",
        "type": "standards.sold",
        "time": datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=timezone.utc),
        "subject": "Käse, 50 %",
        "dataschema": "https://example.com/schemas/sold",
        "colour": "röt",
        **more,
    }


def samples() -> list[CloudEvent]:
    return [
        CloudEvent(attributes(1, datacontenttype="application/json"), {"cents": 3, "what": "Käse"}),
        CloudEvent(attributes(2, datacontenttype="application/vnd.example+json"), {"nested": [1, {"a": None}]}),
        CloudEvent(attributes(3, datacontenttype="text/plain"), "plain, with ünicode"),
        CloudEvent(attributes(4, datacontenttype="application/octet-stream"), b"\xff\x00\x01"),
        CloudEvent(attributes(5), None),
    ]


class Listener(threading.Thread):
    """Gathers what server-sent events say, until the host ends."""

    def __init__(self, host: Host):
        super().__init__(daemon=True)
        request = urllib.request.Request(
            f"{host.url}/v1/events?pattern=standards.%3E", headers={"Authorization": f"Bearer {host.token}"}
        )
        self.stream, self.heard = urllib.request.urlopen(request, timeout=300), []

    def run(self) -> None:
        try:
            for line in self.stream:
                if line.startswith(b"data:"):
                    self.heard.append(line.removeprefix(b"data:").strip())
        except OSError:  # The host has ended.
            pass


def taken(host: Host, message: http.HTTPMessage) -> str:
    status, answer = host.ask("POST", "/v1/events", message.body or None, dict(message.headers))
    if status != 202:
        raise Broken(f"an event of the SDK is refused: {answer}")
    return answer["id"]


def same_data(sent: CloudEvent, got: CloudEvent) -> bool:
    plain = lambda data: data.encode() if isinstance(data, str) else data or b""  # noqa: E731
    return sent.get_data() == got.get_data() or plain(sent.get_data()) == plain(got.get_data())


def compare(sent: CloudEvent, got: CloudEvent) -> None:
    expected, found = dict(sent.get_attributes()), dict(got.get_attributes())
    if expected != found:
        raise Broken(f"sent {expected}, and listeners get {found}")
    if not same_data(sent, got):
        raise Broken(f"sent {sent.get_data()!r}, and listeners get {got.get_data()!r}")


def check(host: Host) -> None:
    listener = Listener(host)
    listener.start()
    expected = []
    for form, send in (("structured", http.to_structured), ("binary", http.to_binary)):
        for event in samples():
            changed = {**event.get_attributes(), "id": f"{form}-{event.get_id()}"}
            event = CloudEvent(changed, event.get_data())
            if taken(host, send(event, FORMAT)) != taken(host, send(event, FORMAT)):
                raise Broken("an event that is sent again is another one")
            expected.append(event)
    host.until("all events are heard", lambda: len(listener.heard) >= len(expected))
    for event, document in zip(expected, listener.heard, strict=True):
        compare(event, FORMAT.read(None, document))
    refused(host)
    print(f"{len(expected)} events of the SDK came out as they went in")


def refused(host: Host) -> None:
    """Each required attribute is missed by its name."""
    for left_out in ("specversion", "id", "source", "type"):
        message = http.to_structured(samples()[0], FORMAT)
        document = json.loads(message.body)
        del document[left_out]
        status, problem = host.ask("POST", "/v1/events", json.dumps(document).encode(), dict(message.headers))
        if status != 400 or problem["type"] != "urn:spacehost:bad-cloud-event" or left_out not in problem["detail"]:
            raise Broken(f"without `{left_out}` the answer is {status}: {problem}")
