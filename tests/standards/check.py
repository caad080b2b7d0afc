"""Starts hosts with the sample spaces and has the standards' own tools judge them.

    python check.py <spacehost> <folder with `spaces`>

Fails with one sentence that says what did not hold.
"""

import sys
from pathlib import Path

import cloud_events
import openapi
from host import Broken, Host


def main(binary: str, folder: Path) -> None:
    components = folder / "spaces"
    with Host(binary, folder / "host", components) as host:
        openapi.valid(host)
        openapi.guarded(host)
        cloud_events.check(host)
        openapi.conforms(host, harmful=False)
    with Host(binary, folder / "harmed", components) as host:
        openapi.conforms(host, harmful=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1], Path(sys.argv[2]).resolve())
    except Broken as broken:
        sys.exit(f"standards: {broken}")
