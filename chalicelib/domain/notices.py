"""What a tenant's webhook is told of work that is over, under OpenAI's names where they fit, and how often."""

from __future__ import annotations

from typing import Final, Literal

import msgspec
from msgspec import Struct

from chalicelib.domain import responses
from chalicelib.domain.jobs import Job, turn_of
from chalicelib.domain.outcomes import Done, outcome_of

EVENT_PREFIX: Final = "evt_"
WAITS: Final = (5, 60, 300, 900, 1_800, 3_600, 7_200)
"""Seconds between two tries to tell the same: the last one is about four hours after the first."""
MOST_WAIT: Final = 86_400  # however long a receiver asks to be left alone
GONE: Final = 410
_SUCCESS: Final = range(200, 300)
_CUT: Final = frozenset({"length", "content_filter"})

Delivery = Literal["delivered", "failed", "given_up"]


class Subject(Struct, frozen=True):
    """What an event is about."""

    id: str


class Event(Struct, frozen=True, kw_only=True):
    """What is sent. Made of the job alone: whoever makes it again makes the same."""

    id: str
    object: Literal["event"] = "event"
    created_at: int
    type: str
    data: Subject


class Posted(Struct, frozen=True):
    """What came of sending: the status of the answer, or else the `fault` that left none."""

    status: int | None = None
    fault: str | None = None
    retry_after_seconds: int | None = None

    @property
    def good(self) -> bool:
        """Whether the receiver has it."""
        return self.status in _SUCCESS

    @property
    def final(self) -> bool:
        """Whether to send it again is of no use."""
        return self.good or self.status == GONE


class Told(Struct, frozen=True):
    """One try to tell a tenant, for the log: nothing that was sent or answered. `wait` is that before the next one."""

    event: str
    type: str
    tenant: str
    tries: int
    posted: Posted
    wait: int | None

    @property
    def delivery(self) -> Delivery:
        """What became of the event."""
        if self.posted.good:
            return "delivered"
        return "given_up" if self.wait is None else "failed"


def event_of(job: Job) -> Event:
    """The event of a job that is over."""
    turn = turn_of(job.id)
    about = responses.response_id(turn) if job.kind == "response" else job.id
    return Event(
        id=EVENT_PREFIX + turn,
        created_at=int(job.ended_at or job.created_at),
        type=_type_of(job),
        data=Subject(about),
    )


def body_of(event: Event) -> bytes:
    """An event as it is sent, the same bytes each time."""
    return msgspec.json.encode(event)


def wait_seconds(tries: int, posted: Posted) -> int | None:
    """How long after the try number `tries` (1, 2, …) the next one is, at the earliest; None where there is none."""
    if posted.final or tries > len(WAITS):
        return None
    return max(WAITS[tries - 1], min(posted.retry_after_seconds or 0, MOST_WAIT))


def _type_of(job: Job) -> str:
    if job.kind == "chat":
        return f"job.{job.state}"
    outcome = outcome_of(job)
    cut = isinstance(outcome, Done) and (outcome.cut or outcome.completion.finish_reason in _CUT)
    return "response.incomplete" if job.state == "completed" and cut else f"response.{job.state}"
