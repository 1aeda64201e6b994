"""Measures what one turn of each kind asks for, and writes `infra/plan/counts.json`: `python -m infra.plan.measure`.

The app runs in this process with recorded events, as in `make bench`; DynamoDB is the emulator, another process. First
calls, units and bytes are counted, then CPU time is taken without the counting. It takes a minute.

A machine that others use makes CPU time longer too. So it is taken as a multiple of a bare boto3 `get_item` in the same
moments, and that is taken for what an idle machine needs for it.
"""

import dataclasses
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import boto3
import msgspec

from benchmarks.figures import rounded
from benchmarks.product import running
from benchmarks.round_trips import CountedDatabase, Tally
from chalicelib import bootstrap, settings
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.telemetry.powertools import PowertoolsMeter
from infra.plan.counts import COUNTS, Asked, Counts

if TYPE_CHECKING:
    from benchmarks.turns import Turns
    from infra.plan.kinds import Caught, Kind

TURNS: Final = 10
ROUNDS: Final = 7
GETS: Final = 40
ACCESS: Final = "tidegate-local-access"
GET_ITEM_MS: Final = 1.0  # of an idle machine: docs/benchmarks.md
Opener = Callable[[settings.Settings], Database]


class Paper:
    """What the product logs, and how long it is: standard output goes into a file."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` ends it
        self._kept = os.dup(1)
        os.dup2(self._file.fileno(), 1)

    def written(self) -> int:
        """Bytes so far."""
        sys.stdout.flush()
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Give standard output back."""
        sys.stdout.flush()
        os.dup2(self._kept, 1)
        self._file.close()


@contextmanager
def served(environ: Mapping[str, str], queue: "Caught", opened: Opener) -> Iterator[None]:
    """The app of this process under settings, over a database, with the metrics that only a deployment writes."""
    with patch.dict(os.environ, environ), patch.object(bootstrap, "open_database", opened):
        built = bootstrap.build(settings.read(os.environ))
    meter = PowertoolsMeter(metrics=True)
    services = dataclasses.replace(built, meter=meter, lane=dataclasses.replace(built.lane, queue=queue))
    with patch("app.services", lambda: services):
        yield


def asked(kind: "Kind", turns: "Turns", paper: Paper) -> Asked:
    """What one turn of a kind asks for."""
    from infra.plan.kinds import Caught

    tally, queue, plain = Tally(), Caught(), bootstrap.open_database
    with served(kind.environ, queue, lambda read: CountedDatabase(read, tally)):
        events = kind.prepare(turns, TURNS)
        tally.clear()
        queue.sends, before = 0, paper.written()
        answers = sum(kind.take(event, queue) for event in events)
        logged, sends = paper.written() - before, queue.sends
    with served(kind.environ, queue, plain):
        ratios = [_cpu_ms(partial(_take, kind, turns, queue)) / _cpu_ms(_get) for _ in range(1 + ROUNDS)]
    return Asked(
        calls={name: calls / TURNS for name, calls in sorted(tally.calls.items())},
        read_units=_by_table(tally.reads),
        write_units=_by_table(tally.writes),
        bytes_sent=rounded(tally.bytes_sent / TURNS),
        bytes_received=rounded(tally.bytes_received / TURNS),
        sqs_sends=sends / TURNS,
        log_bytes=rounded(logged / TURNS),
        answer_bytes=rounded(answers / TURNS),
        cpu_ms=rounded(median(ratios[1:]) * GET_ITEM_MS),
    )


def _by_table(units: Mapping[str, float]) -> dict[str, float]:
    return {table.rpartition("-")[2]: rounded(amount / TURNS) for table, amount in sorted(units.items())}


def _take(kind: "Kind", turns: "Turns", queue: "Caught") -> Iterator[None]:
    for event in kind.prepare(turns, TURNS):
        kind.take(event, queue)
        yield


def _get() -> Iterator[None]:
    """The yardstick."""
    client = boto3.client("dynamodb")
    key = {"pk": {"S": "key#nobody"}}
    for _ in range(GETS):
        client.get_item(TableName=ACCESS, Key=key)
        yield


def _cpu_ms(calls: Callable[[], Iterator[None]]) -> float:
    """What one of the calls takes; what is done before the first does not count."""
    running = calls()
    next(running)
    began = time.process_time()
    number = sum(1 for _ in running)
    return (time.process_time() - began) * 1e3 / number


def measure() -> Counts:
    """All kinds, over one running product."""
    with running() as product, patch.dict(os.environ, product.environment):
        from benchmarks.turns import Turns
        from infra.plan.kinds import KINDS

        turns, paper = Turns(product.key), Paper()
        try:
            kinds = {kind.name: asked(kind, turns, paper) for kind in KINDS}
        finally:
            paper.close()
    machine = {"python": platform.python_version(), "cores": str(os.cpu_count()), "load": f"{os.getloadavg()[0]:.1f}"}
    return Counts(datetime.now(UTC).strftime("%Y-%m-%d"), "python -m infra.plan.measure", machine, kinds)


def main() -> None:
    """Measure, and write the file."""
    counts = measure()
    COUNTS.write_bytes(msgspec.json.format(msgspec.json.encode(counts)) + b"\n")
    for name, each in counts.kinds.items():
        print(f"{name}: {each.reads:g} read units, {each.writes:g} write units, {each.cpu_ms:g} ms of CPU")


if __name__ == "__main__":
    main()
