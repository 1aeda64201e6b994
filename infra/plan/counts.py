"""What one turn of each kind asks for, as measured: `infra/plan/counts.json`, which `infra.plan.measure` writes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

COUNTS: Final = Path(__file__).with_name("counts.json")
TABLES: Final = ("access", "ledger", "conversations", "answers", "entries", "jobs")


class Asked(Struct, frozen=True, kw_only=True):
    """What a turn asks for: calls by DynamoDB's operation, units by table, bytes to and from DynamoDB, and CPU.

    `answer_bytes` is the body that its caller gets, `log_bytes` what CloudWatch is given to keep.
    """

    calls: Mapping[str, float]
    read_units: Mapping[str, float]
    write_units: Mapping[str, float]
    bytes_sent: float
    bytes_received: float
    sqs_sends: float
    log_bytes: float
    answer_bytes: float
    cpu_ms: float

    @property
    def reads(self) -> float:
        """Read units over all tables."""
        return sum(self.read_units.values())

    @property
    def writes(self) -> float:
        """Write units over all tables."""
        return sum(self.write_units.values())

    @property
    def round_trips(self) -> float:
        """Calls to DynamoDB."""
        return sum(self.calls.values())


class Counts(Struct, frozen=True):
    """Every kind of turn, where and when it was measured, and by which command."""

    measured_at: str
    command: str
    machine: Mapping[str, str]
    kinds: Mapping[str, Asked]


def read(path: Path = COUNTS) -> Counts:
    """The committed figures."""
    return msgspec.json.decode(path.read_bytes(), type=Counts)


def blended(parts: Iterable[tuple[float, Asked]]) -> Asked:
    """What turns ask for on average, each kind with its share."""
    known = list(parts)

    def mean(field: str) -> float:
        return sum(share * float(getattr(asked, field)) for share, asked in known)

    def means(field: str) -> dict[str, float]:
        names = {name for _, asked in known for name in getattr(asked, field)}
        found = {name: sum(share * getattr(asked, field).get(name, 0) for share, asked in known) for name in names}
        return {name: max(0.0, found[name]) for name in sorted(found)}  # two kinds may both do without a call of a miss

    return Asked(
        calls=means("calls"),
        read_units=means("read_units"),
        write_units=means("write_units"),
        bytes_sent=mean("bytes_sent"),
        bytes_received=mean("bytes_received"),
        sqs_sends=mean("sqs_sends"),
        log_bytes=mean("log_bytes"),
        answer_bytes=mean("answer_bytes"),
        cpu_ms=mean("cpu_ms"),
    )
