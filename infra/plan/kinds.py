"""The kinds of turn that are measured: their events, and the proof of each that it was the turn that was meant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import msgspec

from app import work_off
from benchmarks.turns import Event, Turns, piecewise_question, streamed, whole
from chalicelib.domain.jobs import Message
from infra.local.events import Context

HISTORY: Final = 10  # turns that a conversation has on average when it goes on
ASKED, BETWEEN, AGAIN = "How do I boil an egg?", "What is a tide?", "How can I boil an egg?"
MEANING: Final = {"TIDEGATE_SEMANTIC": "serve", "TIDEGATE_SEMANTIC_MS": "20000", "TIDEGATE_CHECK_RATE": "0"}
PLAIN: Final = {"TIDEGATE_SEMANTIC": "off"}
OK, ACCEPTED = 200, 202

_numbers = count()


@dataclass
class Caught:
    """A queue that keeps what it is sent, so that this process does the work and no other."""

    messages: list[Message] = field(default_factory=list)
    sends: int = 0

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        del delay_seconds
        self.sends += 1
        self.messages.append(message)

    def bury(self, body: str, reason: str) -> None:
        """Nothing may die here."""
        raise SystemExit(f"measure: buried {body}: {reason}")


@dataclass(frozen=True)
class Kind:
    """A kind of turn: the settings it takes, its next events, and where its answers come from; None for a job."""

    name: str
    environ: Mapping[str, str]
    prepare: Callable[[Turns, int], list[Event]]
    cache: str | None

    def take(self, event: Event, queue: Caught) -> int:
        """One turn; the bytes of its answer."""
        return _worked(event, queue) if self.cache is None else _answered(event, self.cache)


def _answered(event: Event, cache: str) -> int:
    status, headers, pieces = (streamed if '"stream"' in event["body"] else whole)(event)
    found = headers.get("x-tidegate-cache")
    if (status, found) != (OK, cache):
        raise SystemExit(f"measure: not {cache}, but {status} {found}")
    return sum(map(len, pieces))


def _worked(event: Event, queue: Caught) -> int:
    """Into the line, out of it as Lambda brings it, and fetched once by its caller."""
    accepted, _, said = whole(event)
    message = queue.messages.pop()
    record = {"messageId": "1", "body": msgspec.json.encode(message).decode()}
    failures = work_off({"Records": [record]}, Context(60))["batchItemFailures"]
    found, _, answer = whole(_fetch(event, message.job))
    if (accepted, found, failures) != (ACCEPTED, OK, []):
        raise SystemExit(f"measure: a job was {accepted}, then {found}; {failures}")
    return sum(map(len, (*said, *answer)))


def _fetch(event: Event, job: str) -> Event:
    """The call of the same caller that asks what became of a job."""
    at: Event = {"resourcePath": "/v1/jobs/{job_id}", "httpMethod": "GET"}
    context = event["requestContext"] | at
    return {**event, "body": None, "pathParameters": {"job_id": job}, "requestContext": context, "httpMethod": "GET"}


def _same(turns: Turns, number: int) -> list[Event]:
    whole(turns.chat("What is a tide?"))
    return [turns.chat("What is a tide?") for _ in range(number)]


def _new(turns: Turns, number: int) -> list[Event]:
    return [turns.chat(f"What is wave number {next(_numbers)}?") for _ in range(number)]


def _alike(turns: Turns, number: int) -> list[Event]:
    """One question that was asked before in other words; each in a system prompt, hence a scope, of its own."""
    return [
        _again(turns, {"role": "system", "content": f"You are cook number {next(_numbers)}."}) for _ in range(number)
    ]


def _again(turns: Turns, system: Mapping[str, str]) -> Event:
    first, other, second = (
        turns.chat("", messages=[system, {"role": "user", "content": text}]) for text in (ASKED, BETWEEN, AGAIN)
    )
    whole(first)
    whole(other)  # after which this process knows the scope as it is
    return second


def _pieces(turns: Turns, number: int) -> list[Event]:
    return [turns.chat(piecewise_question(next(_numbers)), stream=True) for _ in range(number)]


def _talk(turns: Turns, number: int) -> list[Event]:
    talk = turns.conversation()
    for _ in range(HISTORY - number // 2):
        whole(next(talk))
    return [next(talk) for _ in range(number)]


def _later(turns: Turns, number: int) -> list[Event]:
    events = _new(turns, number)
    for event in events:
        event["headers"]["Prefer"] = "respond-async"
        event["multiValueHeaders"]["Prefer"] = ["respond-async"]
    return events


KINDS: Final = (
    Kind("exact_hit", PLAIN, _same, "hit"),
    Kind("semantic_hit", MEANING, _alike, "semantic"),
    Kind("miss", PLAIN, _new, "miss"),
    Kind("semantic_miss", MEANING, _new, "miss"),
    Kind("stream", PLAIN, _pieces, "miss"),
    Kind("conversation", PLAIN, _talk, "miss"),
    Kind("job", PLAIN, _later, None),
)
