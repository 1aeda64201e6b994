"""Jobs, lines and pages as items of the table of jobs; nothing else builds their keys.

pk = job#<turn id>, sk = job                   a job, an attribute each for what changes; under 1 KB; GSI open-jobs
…, sk = order#<digest>#<n>                     the order in parts, compressed; written before the job that names it
…, sk = outcome#<digest>#<n>                   the outcome alike, written before the job's end names it
…, sk = page#<first>                           a page of the answer
pk = line#<line>, sk = line                    tickets, served, `b<stretch>` calls, `s<slot>` a ticket that was called
pk = returns#<shard>, sk = <minute>            how many jobs were put back in it

What is large stands apart from the job, so that every change of a job costs the same, however long the question is.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal
from zlib import crc32

import msgspec
from msgspec import Struct

from chalicelib.adapters.dynamodb.bodies import PART_BYTES
from chalicelib.adapters.dynamodb.table import LEASE_SHARDS, Attributes
from chalicelib.domain.jobs import BUCKETS, PREFIX, Job, Line, Message, Page, turn_of

BodyName = Literal["order", "outcome"]
Value = str | float | bool
"""What a job's attribute may be; an int is a float to the type checker."""

OPEN_JOBS: Final = "open-jobs"
LINE_SECONDS: Final = 86_400
SLOTS: Final = 32  # how many calls a line remembers one by one
_PARTS_SECONDS: Final = 86_400  # by which the parts outlive the job that names them
_BODIES: Final = ("order", "outcome")
_FIELDS: Final = tuple(name for name in Job.__struct_fields__ if name not in _BODIES)


class Body(Struct, frozen=True):
    """An order or outcome, ready to be written: its parts, and the name that a job calls it by."""

    name: str
    parts: tuple[Attributes, ...]


def job_key(job_id: str) -> Attributes:
    return {"pk": _pk(job_id), "sk": {"S": "job"}}


def line_key(line: str) -> Attributes:
    return {"pk": {"S": f"line#{line}"}, "sk": {"S": "line"}}


def returns_key(shard: int, minute: int) -> Attributes:
    return {"pk": {"S": f"returns#{shard}"}, "sk": {"S": str(minute)}}


def page_key(job_id: str, first: int) -> Attributes:
    return {"pk": _pk(job_id), "sk": {"S": f"page#{first:010d}"}}


def pages_end(job_id: str) -> Attributes:
    """Behind every page: `$` sorts after `#`."""
    return {"pk": _pk(job_id), "sk": {"S": "page$"}}


def part_keys(job_id: str, kind: BodyName, name: str) -> list[Attributes]:
    """Where the parts of a body are, by the name that the job has for it: `<digest>#<count>`."""
    digest, _, count = name.partition("#")
    return [{"pk": _pk(job_id), "sk": {"S": f"{kind}#{digest}#{place:05d}"}} for place in range(int(count))]


def body_of(job: Job, kind: BodyName, content: bytes) -> Body:
    """The content in parts; none where there is no content."""
    packed = zlib.compress(content) if content else b""
    pieces = [packed[start:][:PART_BYTES] for start in range(0, len(packed), PART_BYTES)]
    name = f"{hashlib.sha256(content).hexdigest()[:16]}#{len(pieces)}"
    ttl = number(int(job.kept_until) + _PARTS_SECONDS)
    keys = part_keys(job.id, kind, name)
    return Body(name, tuple({**key, "body": {"B": each}, "ttl": ttl} for key, each in zip(keys, pieces, strict=True)))


def joined(parts: Iterable[Attributes]) -> bytes:
    """The content of all parts, in their order."""
    packed = b"".join(part["body"]["B"] for part in parts)
    return zlib.decompress(packed) if packed else b""


def job_item(job: Job, order: str) -> Attributes:
    """A new job, in the index of those that are open."""
    item: Attributes = job_key(job.id)
    for name in _FIELDS:
        value = getattr(job, name)
        if value is not None:
            item[name] = attribute(value)
    shard = LEASE_SHARDS[crc32(job.id.encode()) % len(LEASE_SHARDS)]
    index = {"open_shard": {"S": shard}, "open_since": number(job.created_at)}
    return item | index | {"order": {"S": order}, "ttl": number(int(job.kept_until))}


def job_of(item: Attributes) -> Job:
    """The job in an item, without order and outcome."""
    return msgspec.convert({name: _value(item[name]) for name in _FIELDS if name in item}, Job)


def message_of(found: Attributes) -> Message:
    """What the index says of an open job."""
    return Message(PREFIX + found["pk"]["S"].removeprefix("job#"), found["line"]["S"])


def page_item(job: Job, page: Page) -> Attributes:
    return {
        **page_key(job.id, page.first),
        "last": number(page.last),
        "pieces": {"L": [{"B": piece} for piece in page.pieces]},
        "ttl": number(int(job.kept_until) + _PARTS_SECONDS),
    }


def page_of(item: Attributes) -> Page:
    first = int(item["sk"]["S"].removeprefix("page#"))
    return Page(first, int(item["last"]["N"]), tuple(piece["B"] for piece in item["pieces"]["L"]))


def line_of(item: Attributes) -> Line:
    """How a line moves, by its item."""
    called = calls_in(item)
    newest = max(called, default=0)
    return Line(
        tickets=int(item["tickets"]["N"]) if "tickets" in item else 0,
        served=int(item["served"]["N"]) if "served" in item else 0,
        called={stretch: count for stretch, count in called.items() if stretch > newest - BUCKETS},
    )


def calls_in(item: Attributes) -> Mapping[int, int]:
    """The calls by stretch of time, of as many as are still there."""
    return {int(name[1:]): int(value["N"]) for name, value in item.items() if name[0] == "b"}


def stretch_name(stretch: int) -> str:
    """The attribute that counts the calls of a stretch of time."""
    return f"b{stretch}"


def slot_name(ticket: int) -> str:
    """The attribute that remembers a ticket that was called."""
    return f"s{ticket % SLOTS}"


def number(value: float) -> dict[str, Any]:
    return {"N": str(value)}


def attribute(value: Value) -> dict[str, Any]:
    """A field of a job as the wire has it."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case _:
            return number(value)


def _value(found: dict[str, Any]) -> Value:
    ((kind, value),) = found.items()
    if kind != "N":
        return value  # type: ignore[no-any-return]
    return int(value) if value.lstrip("-").isdigit() else float(value)


def _pk(job_id: str) -> dict[str, Any]:
    return {"S": f"job#{turn_of(job_id)}"}
