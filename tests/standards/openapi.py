"""The OpenAPI document: valid, and true.

Must not know what the document says. `valid` asks openapi-spec-validator; `guarded` asks without the token; `conforms` lets schemathesis make requests from the
document, good and bad ones, and compare each answer with it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from host import Broken, Host

HERE = Path(__file__).parent
EXAMPLES = os.environ.get("SPACEHOST_EXAMPLES", "20")
# Operations after which a space serves no more, or has lost what it had. They get a host of their own.
HARMFUL = "^(stop|start|quarantine|rollback|reload|purge)$"
# A stream that never ends is no answer that could be compared; a log is one when it is followed.
ENDLESS = "listen|logs"


def valid(host: Host) -> None:
    _, document = host.ask("GET", "/openapi.json")
    validate(document, cls=OpenAPIV31SpecValidator)
    commands = [path for path in document["paths"] if "/commands/" in path]
    for space in host.spaces:
        if not any(path.startswith(f"/v1/spaces/{space}/") for path in commands):
            raise Broken(f"the document has no commands of `{space}`")
    (host.folder / "openapi.json").write_text(json.dumps(document, indent=2))
    print(f"the document is valid: {len(document['paths'])} paths, {len(commands)} of them commands")


def guarded(host: Host) -> None:
    """Whatever the document says needs the token is refused without it."""
    _, document = host.ask("GET", "/openapi.json")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if operation.get("security") == []:
                continue
            status, problem = host.ask(method.upper(), re.sub("{.*?}", "x", path), headers={"Authorization": ""})
            if (status, problem["type"]) != (401, "urn:spacehost:unauthorized"):
                raise Broken(f"without a token {method} {path} is answered with {status}: {problem}")


def conforms(host: Host, harmful: bool) -> None:
    chosen = ["--include-operation-id-regex" if harmful else "--exclude-operation-id-regex"]
    chosen.append(HARMFUL if harmful else f"{HARMFUL}|^({ENDLESS})$")
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "--config-file", HERE / "schemathesis.toml",
        "run", f"{host.url}/openapi.json",
        "--header", f"Authorization: Bearer {host.token}",
        "--max-examples", EXAMPLES,
        *chosen,
    ]  # fmt: skip
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)}
    status = subprocess.run(command, cwd=host.folder, env=env).returncode
    if status != 0:
        raise Broken(f"schemathesis has found something, see above; the host's log is {host.folder / 'log'}")
