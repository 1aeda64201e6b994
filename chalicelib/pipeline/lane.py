"""The line that turns wait in when no model can take them: kept, brought to a worker, looked after until they are over.

    join -> (queue) -> begin -> end
               └── a message that was lost, or whose worker died, is sent again by `resend`

The queue holds ids, the store has the truth: a message that comes twice, late or never changes nothing but the time.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from threading import Semaphore
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import Standing
from chalicelib.domain.errors import NotFound, QueueUnavailable, TidegateError
from chalicelib.domain.jobs import MOST_ATTEMPTS, Job, JobState, Message, Poison, position, wait_seconds
from chalicelib.domain.outcomes import Outcome, packed
from chalicelib.domain.turn import Prefer
from chalicelib.ports import Clock, JobQueue, Jobs

SHORTEST_POLL: Final = 0.05
LONGEST_POLL: Final = 0.5
RESEND_SECONDS: Final = 60  # a message that takes longer than this may be lost; twice does no harm
RESENT_AT_ONCE: Final = 1_000


class Waiting(Struct, frozen=True):
    """A job and where it stands: 0 for one that does not wait. `limits` is what is left to its caller."""

    job: Job
    position: int = 0
    eta_seconds: int = 0
    limits: Standing = Standing()


@dataclass(frozen=True, slots=True)
class Lane:
    """Holds work until a model can take it.

    A job may wait for `most_seconds`, its caller for `patience_seconds`; a worker has it for `lease_seconds`. This
    process has so many `seats` for callers of models that are down.
    """

    jobs: Jobs
    queue: JobQueue
    clock: Clock
    pause: Callable[[float], None]
    most_seconds: int
    lease_seconds: int
    patience_seconds: int
    seats: Semaphore

    def join(self, job: Job) -> Job:
        """Put a new job at the end of its line. Once it is kept it will be done: a queue that is down costs time.

        One that will never take it is a fault, and the job does not stay.
        """
        job = msgspec.structs.replace(job, ticket=self.jobs.ticket(job.line), until=job.created_at + self.most_seconds)
        self.jobs.put(job)
        try:
            self.queue.send(Message(job.id, job.line))
        except QueueUnavailable:
            pass  # `resend` will
        except TidegateError:
            self.jobs.cancel(job.id, self.clock())
            self.close(job)
            raise
        return job

    def watch(self, job: Job, prefer: Prefer, *, down: bool = False) -> Job:
        """The job when it is over, or as it is when its caller has waited as long as preferred.

        One who waits for targets that are all `down` takes a seat, and does not wait where there is none.
        """
        wished = prefer.wait_seconds
        patience = (0 if prefer.respond_async else self.patience_seconds) if wished is None else wished
        until = job.created_at + min(patience, self.patience_seconds)
        if not down:
            return self._watched(job, until)
        if not self.seats.acquire(blocking=False):
            return job
        try:
            return self._watched(job, until)
        finally:
            self.seats.release()

    def _watched(self, job: Job, until: float) -> Job:
        wait = SHORTEST_POLL
        while not job.over and self.clock() < until:
            self.pause(min(wait, max(0.0, until - self.clock())))
            wait = min(2 * wait, LONGEST_POLL)
            job = self.jobs.get(job.id) or job
        return job

    def find(self, owner: str, job_id: str) -> Waiting:
        """A job of `owner` and where it stands; `NotFound` for everybody else."""
        return self.standing(self._own(owner, job_id))

    def standing(self, job: Job) -> Waiting:
        """Where a job stands in its line."""
        if job.state != "queued":
            return Waiting(job)
        line, now = self.jobs.line(job.line), self.clock()
        wait = max(wait_seconds(job.ticket, line, now), job.due - now)
        return Waiting(job, position(job.ticket, line), ceil(wait))

    def cancel(self, owner: str, job_id: str) -> Job:
        """End a job that waits, or have its worker stop; how it is now, with its order where this ended it."""
        self._own(owner, job_id)
        cancelled = self.jobs.cancel(job_id, self.clock())
        if cancelled is None:
            raise NotFound("job", job_id)
        return cancelled

    def begin(self, message: Message) -> Job | None:
        """Take up a job, or its ending; None while another is at it, `Poison` where that line has no such job."""
        now = self.clock()
        begun = self.jobs.begin(message.job, now, now + self.lease_seconds)
        job = begun or self.jobs.get(message.job)
        if job is None or now > job.kept_until:
            if job is not None and job.over:
                self.close(job)
            raise Poison("no such job")
        if job.line != message.line:
            if begun is not None:  # it was not that message's to begin, and its own may have found it held meanwhile
                self.defer(begun, 0)
            raise Poison("another tenant's job")
        return job if job.order else None

    def hold(self, job: Job) -> Job | None:
        """Say that the worker lives; how the job is now, None where it is another's."""
        return self.jobs.touch(job, self.clock() + self.lease_seconds)

    def is_unwanted(self, job: Job) -> bool:
        """Whether its worker was asked to stop by now."""
        now = self.jobs.get(job.id)
        return now is not None and now.cancelling

    def end(self, job: Job, state: JobState, outcome: Outcome) -> bool:
        """Keep what came of a job, once; whether it was this worker that did."""
        return self.jobs.end(job, state, packed(outcome), self.clock())

    def close(self, job: Job) -> None:
        """Say that a job that is over was charged and told: its message need not come again."""
        self.jobs.close(job)

    def defer(self, job: Job, seconds: int) -> None:
        """Back into the line, to be called again after some seconds."""
        now = self.clock()
        if self.jobs.defer(job, now + seconds):
            with suppress(QueueUnavailable):
                self.queue.send(Message(job.id, job.line), delay_seconds=seconds)
            self.jobs.count_return(now)

    def resend(self) -> int:
        """Send again what nobody took up, or closed; how many were sent.

        Safe twice at once; what was not sent is stale soon.
        """
        now = self.clock()
        found = self.jobs.stale(now - RESEND_SECONDS, now, RESENT_AT_ONCE)
        sent = 0
        for message in found:
            with suppress(QueueUnavailable):
                self.queue.send(message)
                sent += 1
        return sent

    def bury(self, body: str, reason: str) -> None:
        """Put a message that can never be worked on where the dead are."""
        self.queue.bury(body, reason)

    def _own(self, owner: str, job_id: str) -> Job:
        job = self.jobs.get(job_id)
        if job is None or (job.id, job.owner) != (job_id, owner) or self.clock() > job.kept_until:
            raise NotFound("job", job_id)
        return job


def is_worn_out(job: Job) -> bool:
    """Whether so many workers died over a job that no other is to try."""
    return job.attempt > MOST_ATTEMPTS
