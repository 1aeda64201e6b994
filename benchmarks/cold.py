"""One cold start, in a process that has done nothing else: `python -m benchmarks.cold gateway|boto3 SPAWNED`.

Prints one JSON object: what each stage cost, and the memory afterwards. `SPAWNED` is the spawner's monotonic clock.
"""

import sys
import time

from benchmarks.figures import claim_stdout


class Stages:
    """What was spent between marks; the first is the interpreter's own start."""

    def __init__(self, spawned: float) -> None:
        self._cpu, self._wall = 0.0, spawned
        self.rows: dict[str, dict[str, float]] = {}

    def mark(self, name: str) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        self.rows[name] = {"cpu_ms": (cpu - self._cpu) * 1e3, "wall_ms": (wall - self._wall) * 1e3}
        self._cpu, self._wall = cpu, wall


def gateway(stages: Stages) -> None:
    """The product: import, services, the first turn."""
    import app  # noqa: F401

    stages.mark("import")
    from chalicelib.bootstrap import services

    services()
    stages.mark("services")
    _first_turn(stages)


def _first_turn(stages: Stages) -> None:
    import json
    import os
    from pathlib import Path

    from app import app
    from infra.local.events import Context

    event = json.loads(Path(os.environ["COLD_EVENT"]).read_text())
    stages.mark("harness")
    response = app(event, Context(30))
    stages.mark("first turn")
    assert response["statusCode"] == 200, response  # noqa: PLR2004
    assert response["headers"]["x-tidegate-cache"] == "miss", response


def bare(stages: Stages) -> None:
    """boto3 alone: import, client, the first call."""
    import boto3

    stages.mark("import")
    client = boto3.client("dynamodb")
    stages.mark("client")
    reply = client.get_item(TableName="tidegate-local-access", Key={"pk": {"S": "plans"}})
    stages.mark("first call")
    assert reply["Item"]


def main(kind: str, spawned: float) -> None:
    """Run one kind from the interpreter's start, and tell."""
    stages = Stages(spawned)
    stages.mark("interpreter")
    out = claim_stdout()
    {"gateway": gateway, "boto3": bare}[kind](stages)
    stages.rows.pop("harness", None)
    import json

    from benchmarks.processes import resident_mb

    print(json.dumps({"stages": stages.rows, "resident_mb": resident_mb()}), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
