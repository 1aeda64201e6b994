"""Work that waits in a line: what a job is, where it stands, and when its turn comes.

    queued -> in_progress -> completed | failed
       └──────────┴────────> cancelled

A job's id is made of its turn's, so that whatever it causes is caused once.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Final, Literal

from msgspec import Struct

JobState = Literal["queued", "in_progress", "completed", "failed", "cancelled"]
Errand = Literal["turn", "notice", "erasure"]

PREFIX: Final = "job_"
MOST_ATTEMPTS: Final = 3  # workers that may die over one job
BUCKET_SECONDS: Final = 10
BUCKETS: Final = 6  # what is remembered of a line's pace: a minute
GUESS_SECONDS: Final = 2.0  # a place's wait, where a line has no pace yet
SPARE_SECONDS: Final = 120  # before nobody waits any more: time for another tier
RESULT_SECONDS: Final = 86_400  # how long what came of a job is kept


def job_id(turn_id: str) -> str:
    """What the job of a turn is called."""
    return f"{PREFIX}{turn_id}"


def turn_of(job: str) -> str:
    """The turn that a job is for."""
    return job.removeprefix(PREFIX)


class Job(Struct, frozen=True, kw_only=True):
    """One turn that waits for a model, is being answered, or was. Times are epoch seconds.

    `owner` is the user of a tenant who may see it, `line` the tag of the tenant in whose line it holds `ticket`.
    Nobody waits for it after `until`, and before `due` there is no use in calling it. `order` is all that a worker
    needs, `outcome` what came of it: bytes that only the lane reads. `attempt` counts the workers that began it and did
    not put it back; the one that holds it does so until `lease_until`. `hold` counts every beginning, so that no two
    workers ever hold a job by the same number. `connection` is who is sent its pages, after the number `after`; with
    `notice` its tenant is told of its end.
    """

    id: str
    owner: str
    line: str
    kind: Literal["chat", "response"] = "chat"
    state: JobState = "queued"
    ticket: int = 0
    created_at: float
    until: float
    attempt: int = 0
    hold: int = 0
    due: float = 0.0
    lease_until: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    cancelling: bool = False
    connection: str | None = None
    after: int = 0
    notice: bool = False
    order: bytes = b""
    outcome: bytes = b""

    @property
    def over(self) -> bool:
        """Whether nothing will come of it any more but what is there."""
        return self.state in {"completed", "failed", "cancelled"}

    @property
    def kept_until(self) -> float:
        """From when on it is to be forgotten; a store may have it for longer."""
        return max(self.until, self.ended_at or 0.0) + RESULT_SECONDS


class Poison(Exception):
    """A message that can never be worked on, in words for whoever looks after the dead."""

    def __init__(self, reason: str) -> None:
        """`reason` quotes nothing of the message."""
        super().__init__(reason)
        self.reason = reason


class Message(Struct, frozen=True, forbid_unknown_fields=True):
    """What the queue carries: ids alone; for an erasure, the owner's.

    `tries` counts the notices that found nobody; the next one is not before the epoch second `due`.
    """

    job: str
    line: str
    errand: Errand = "turn"
    tries: int = 0
    due: int = 0
    v: Literal[1] = 1


class Page(Struct, frozen=True):
    """Consecutive pieces of an answer, numbered `first` to `last` from 1 on, as they are sent."""

    first: int
    last: int
    pieces: tuple[bytes, ...]


class Line(Struct, frozen=True):
    """A tenant's line: how many tickets were given out, how many were called, and how many lately.

    `called` has the calls of each of the last `BUCKETS` stretches of `BUCKET_SECONDS`, by its number since 1970.
    """

    tickets: int = 0
    served: int = 0
    called: Mapping[int, int] = {}


class Queue(Struct, frozen=True):
    """A line as whoever would join it sees it; `waiting` is about right, as tickets are."""

    waiting: int
    eta_seconds: int


def spills_in(job: Job, patience_seconds: int, now: float) -> int:
    """For how many more whole seconds a job holds out for the lowest tier: not while somebody listens, nor to the end.

    0 is now.
    """
    if job.connection is not None:
        return 0
    spills_at = min(job.created_at + patience_seconds, job.until - SPARE_SECONDS)
    return max(0, ceil(spills_at - now))


def position(ticket: int, line: Line) -> int:
    """How many are called before a ticket's holder, and that holder: 1 is next."""
    return max(1, ticket - line.served)


def wait_seconds(ticket: int, line: Line, now: float) -> float:
    """About how long until a ticket is called, at the pace of the last minute."""
    return position(ticket, line) / pace(line, now)


def pace(line: Line, now: float) -> float:
    """Calls a second over the last minute, or since the line began to move."""
    newest = int(now) // BUCKET_SECONDS
    recent = {each: count for each, count in line.called.items() if newest - BUCKETS < each <= newest}
    if not recent:
        return 1 / GUESS_SECONDS
    seconds = now - min(recent) * BUCKET_SECONDS
    return sum(recent.values()) / max(seconds, 1.0)


def queue_of(line: Line, now: float) -> Queue:
    """How many wait in a line, and how long one more would."""
    waiting = max(0, line.tickets - line.served)
    return Queue(waiting, ceil(wait_seconds(line.tickets + 1, line, now)) if waiting else 0)
