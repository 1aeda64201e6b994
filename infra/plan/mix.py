"""What a mean turn of a load asks for: the measured kinds in their shares, larger where its texts are larger."""

from collections.abc import Mapping
from math import ceil
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.settings import Settings
from infra.plan.counts import Asked, Counts, blended
from infra.plan.load import Load
from infra.plan.prices import Pace
from infra.stages import API, Stage

FULL_SPEED_MB: Final = 1_769  # a whole vCPU: AWS's own figure
TRIP_SECONDS: Final = 0.006  # one call to DynamoDB in its Region
TOKEN_BYTES: Final = 4
NEW_SHARE: Final = 0.2  # of the input: the rest is history, or a prompt that stays
PACKED: Final = 0.5  # of its size, what a stored text takes
KB: Final = 1_024
READ_BYTES: Final = 4_096
CHECKED: Final = Settings().check_rate
BATCH: Final = 10
CHAT: Final = "stream"  # the function of every chat, streamed or not (infra/streaming.py)
STREAMED_TOKENS: Final = 100  # of the answer whose stream was measured
SLOWEST_OF_TEN: Final = 1.7  # the longest of ten answers against their mean, of times that are log-normal with 0.35


class Parts(Struct, frozen=True):
    """Shares of all turns by what becomes of them; together 1."""

    exact: float
    semantic: float
    whole: float
    streamed: float
    later: float

    @property
    def missed(self) -> float:
        """The share that the model answers."""
        return self.whole + self.streamed + self.later


class Mix(Struct, frozen=True):
    """A mean turn: its parts, what it asks for, and for how many seconds it keeps each function busy.

    `waiting` is that part of the seconds in which the function waits for the model.
    """

    parts: Parts
    asked: Asked
    seconds: Mapping[str, float]
    waiting: Mapping[str, float]
    invocations: Mapping[str, float]
    model_seconds: float


def parts_of(load: Load) -> Parts:
    """Of what is found by meaning, a share is asked of the model all the same."""
    semantic = load.semantic_rate * (1 - CHECKED)
    missed = 1 - load.hit_rate - semantic
    streamed, later = missed * load.streamed, missed * load.later
    return Parts(load.hit_rate, semantic, missed - streamed - later, streamed, later)


def mixed(load: Load, counts: Counts, stage: Stage, pace: Pace, *, in_hand: float = 1.0) -> Mix:
    """The mean turn in a stage; `in_hand` is how many jobs a worker has at once."""
    parts = parts_of(load)
    asked = _larger(_asked(load, parts, counts), load, parts)
    asked = msgspec.structs.replace(asked, answer_bytes=_told(load, parts, counts))
    model = pace.seconds(load.output_tokens)
    kinds = counts.kinds
    hits = parts.exact * _busy(kinds["exact_hit"], stage, CHAT)
    hits += parts.semantic * _busy(kinds["semantic_hit"], stage, CHAT)
    miss = "semantic_miss" if load.semantic_rate else "miss"
    misses = parts.whole * _busy(kinds[miss], stage, CHAT) + parts.streamed * _busy(kinds["stream"], stage, CHAT)
    joined, fetched = (_busy(kinds["exact_hit"], stage, each) for each in (CHAT, API))  # what either costs, about
    worker = _busy(kinds["job"], stage, "work")
    stretch = 1 + (SLOWEST_OF_TEN - 1) * (in_hand - 1) / (BATCH - 1)
    waiting = {
        CHAT: (parts.whole + parts.streamed) * model,
        "work": parts.later * model * stretch / in_hand,
    }
    busy = {
        CHAT: hits + misses + parts.later * joined,
        API: parts.later * fetched,
        "work": parts.later * worker,
    }
    return Mix(
        parts,
        asked,
        seconds={name: busy[name] + waiting.get(name, 0.0) for name in busy},
        waiting=waiting,
        invocations={
            CHAT: 1,
            API: parts.later,
            "work": parts.later / in_hand,
        },
        model_seconds=model,
    )


def speed(memory_mb: int) -> float:
    """The share of a vCPU that a function has; one thread gains nothing above 1."""
    return min(1.0, memory_mb / FULL_SPEED_MB)


def _busy(asked: Asked, stage: Stage, function: str) -> float:
    """Seconds without the model: the processor's, and the calls to DynamoDB."""
    return asked.cpu_ms / 1e3 / speed(stage.functions[function].memory_mb) + asked.round_trips * TRIP_SECONDS


def _asked(load: Load, parts: Parts, counts: Counts) -> Asked:
    kinds, missed = counts.kinds, parts.missed
    talking, meaning = missed * load.conversations, missed if load.semantic_rate else 0.0
    return blended(
        (
            (parts.exact, kinds["exact_hit"]),
            (parts.semantic, kinds["semantic_hit"]),
            (parts.whole, kinds["miss"]),
            (parts.streamed, kinds["stream"]),
            (parts.later, kinds["job"]),
            (talking, kinds["conversation"]),
            (-talking, kinds["miss"]),
            (meaning, kinds["semantic_miss"]),
            (-meaning, kinds["miss"]),
        )
    )


def kept_bytes(load: Load) -> float:
    """What a turn of a conversation takes in its table."""
    return (load.output_tokens + load.input_tokens * NEW_SHARE) * TOKEN_BYTES * PACKED


def _larger(asked: Asked, load: Load, parts: Parts) -> Asked:
    """What was measured has a question and an answer of a line each: add the rest of this load's."""
    answer, question = load.output_tokens * TOKEN_BYTES, load.input_tokens * NEW_SHARE * TOKEN_BYTES
    talking = parts.missed * load.conversations
    kept = max(0, ceil(answer / KB) - 1)
    said = max(0, ceil(kept_bytes(load) / KB) - 1)
    read = load.input_tokens * (1 - NEW_SHARE) * TOKEN_BYTES * PACKED / READ_BYTES
    writes = dict(asked.write_units)
    _add(writes, "answers", (parts.missed - talking) * kept)
    _add(writes, "conversations", talking * 2 * said)
    _add(writes, "jobs", parts.later * max(0, ceil((answer + question) / KB) - 1))
    reads = dict(asked.read_units)
    _add(reads, "conversations", talking * read)
    _add(reads, "ledger", 1.0)  # its target's breaker: a function that waits is not called twice a second, as measured
    _add(reads, "answers", parts.exact * (answer // READ_BYTES))
    return msgspec.structs.replace(
        asked,
        read_units={name: max(0.0, units) for name, units in reads.items()},
        write_units={name: max(0.0, units) for name, units in writes.items()},
        bytes_sent=asked.bytes_sent + parts.missed * (answer + 2 * question),
    )


def _told(load: Load, parts: Parts, counts: Counts) -> float:
    """Bytes that the caller gets: where it is streamed, an event around each piece."""
    whole = counts.kinds["miss"].answer_bytes + load.output_tokens * TOKEN_BYTES
    streamed = load.output_tokens * counts.kinds["stream"].answer_bytes / STREAMED_TOKENS
    return (1 - parts.streamed) * whole + parts.streamed * streamed


def _add(units: dict[str, float], name: str, more: float) -> None:
    units[name] = units.get(name, 0.0) + more
