"""The kinds of event that are measured, and the proof of each that it was the one that was meant."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from benchmarks.packaged.package import BARE
from benchmarks.packaged.runtime import Answered
from benchmarks.packaged.stage import JOBS, MEANS, TURNING, Event, Stage
from benchmarks.packaged.wire import Wire

CHUNKS: Final = (50, 250)


@dataclass(frozen=True)
class Kind:
    """A kind of event: which function gets it, how many turns one has, how many are made ready, what must be true."""

    name: str
    function: str
    prepare: Callable[[int], list[Event]]
    proves: Callable[[Answered, Wire], bool]
    turns: int = 1
    http: bool = True


def kinds_of(stage: Stage) -> tuple[Kind, ...]:
    """All of them; the bare one first, which is what the others are compared with."""
    few, many = CHUNKS
    return (
        Kind(BARE, BARE, stage.bare, lambda told, _: told.body == b'"plans"', http=False),
        Kind("exact hit", TURNING, stage.hits, partial(_from, "hit")),
        Kind("semantic hit", MEANS, stage.alike, partial(_from, "semantic")),
        Kind("miss", TURNING, stage.fresh, partial(_from, "miss")),
        Kind(f"stream of {few} chunks", TURNING, partial(stage.streams, few), partial(_streamed, few)),
        Kind(f"stream of {many} chunks", TURNING, partial(stage.streams, many), partial(_streamed, many)),
        Kind("into the line", TURNING, stage.later, partial(_status, 202)),
        Kind("1 job", "work", partial(stage.jobs, 1), _worked, http=False),
        Kind(f"{JOBS} jobs", "work", partial(stage.jobs, JOBS), _worked, turns=JOBS, http=False),
        Kind("WebSocket: a chat, into the line", "websocket_message", stage.chats, _lined, http=False),
        Kind("WebSocket: a ping", "websocket_message", stage.pings, _framed, http=False),
        Kind("sweep, nothing to do", "sweep", stage.swept, _idle, http=False),
        Kind("401, no key", TURNING, stage.keyless, partial(_status, 401)),
        Kind("401, unknown key", TURNING, stage.strangers, partial(_status, 401)),
        Kind("429", TURNING, stage.over, partial(_status, 429)),
    )


def ask(stage: Stage, kind: Kind, event: Event) -> Answered:
    """One event of a kind, proved."""
    stage.wire.sent = stage.wire.frames = 0
    answered = stage.running(kind.function).ask(event)
    assert kind.proves(answered, stage.wire), f"not {kind.name}: {answered.head} {answered.body[:500]!r}"
    return answered


def warmed(stage: Stage, times: int) -> Iterator[Kind]:
    """Every kind after it was asked some times."""
    for kind in kinds_of(stage):
        for event in kind.prepare(times):
            ask(stage, kind, event)
        stage.drain()
        yield kind


def _status(status: int, told: Answered, _: Wire) -> bool:
    return bool(told.head["statusCode"] == status)


def _from(cache: str, told: Answered, wire: Wire) -> bool:
    return _status(200, told, wire) and told.head["headers"]["x-tidegate-cache"] == cache


def _streamed(chunks: int, told: Answered, wire: Wire) -> bool:
    pieces = told.body.count(b'"delta":{"content":')
    return _from("miss", told, wire) and pieces == chunks and told.body.endswith(b"[DONE]\n\n")


def _worked(told: Answered, _: Wire) -> bool:
    return bool(json.loads(told.body) == {"batchItemFailures": []})


def _framed(told: Answered, wire: Wire) -> bool:
    return _status(200, told, wire) and wire.frames > 0


def _lined(told: Answered, wire: Wire) -> bool:
    """Taken into the line; the caller hears of it in a frame."""
    return _framed(told, wire) and wire.sent == 1


def _idle(told: Answered, wire: Wire) -> bool:
    """A sweep that sent no job again: none was lost."""
    return told.body == b"null" and wire.sent == 0
