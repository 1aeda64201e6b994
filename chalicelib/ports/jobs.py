"""Work that waits: the jobs, the queue that brings them to workers, and the connections that hear of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from chalicelib.domain.jobs import Job, JobState, Line, Message, Page


class Jobs(Protocol):
    """Every job, each changed by one conditional write. May raise `StoreUnavailable`. `now` is epoch seconds."""

    def ticket(self, line: str) -> int:
        """The next number of a line: 1, 2, …; one that is never used makes a position too high by one."""

    def put(self, job: Job) -> None:
        """Keep a new job with its order. Repeated, it changes nothing: the first one stays."""

    def get(self, job_id: str) -> Job | None:
        """The job without its order, with its outcome; None where it is unknown.

        What is past `kept_until` goes by itself, within days: until then it is still found.
        """

    def begin(self, job_id: str, now: float, lease_until: float) -> Job | None:
        """Take a job that nobody holds: the job as it is now, with its order, and one attempt more.

        None where another holds it, or none is there. One that is over is given back as it ended, with its order.
        The first time moves its line, if it has a ticket.
        """

    def touch(self, job: Job, lease_until: float) -> Job | None:
        """Hold a job for longer; how it is now, without order and outcome. None where this attempt lost it."""

    def defer(self, job: Job, due: float) -> bool:
        """Put a job that was begun back into the line, at the same ticket; whether this attempt still held it.

        The attempt does not count. Until the epoch second `due` it is not stale: its message is expected then.
        """

    def count_return(self, now: float) -> None:
        """Count that a job was put back since nothing could answer it; where it fails, a count is less."""

    def returns(self, minutes: Sequence[int]) -> Sequence[int]:
        """How many were counted in each minute of the last hour, given as epoch seconds over 60; about, under load."""

    def end(self, job: Job, state: JobState, outcome: bytes, now: float) -> bool:
        """End a job that this attempt holds (or that is queued, as `job` is); whether it did so, now or before.

        Where `job.connection` and `job.after` are not what is stored, it does not: somebody else listens by now.
        One that nobody ever began leaves its line. It is stale later like any other, until it is closed.
        """

    def close(self, job: Job) -> None:
        """Say that all is done that follows from the end of a job: it is never stale again. Repeating it is safe."""

    def cancel(self, job_id: str, now: float) -> Job | None:
        """End a job that is queued, or ask the worker that holds it to stop; how it is now.

        With its order where this ended it; with its outcome where it was over before.
        """

    def line(self, name: str) -> Line:
        """How a tenant's line moves."""

    def stale(self, before: float, now: float, limit: int) -> Sequence[Message]:
        """Jobs that nobody took up, or closed, since an epoch second, or whose worker is silent: the messages for them.

        Each is told once: being told counts as being taken up `now`, so that it is stale again that much later. The
        index that finds them may lag: what is missed is found by a later call.
        """

    def keep(self, job: Job, page: Page) -> None:
        """Keep a page of a job's answer, of at most 300 KB, as long as the job. Repeating it is safe.

        The latest page with the same first number stays, whichever attempt wrote it.
        """

    def pages(self, job_id: str, after: int) -> Iterator[Page]:
        """The pages with pieces after a sequence number, in order, read consistently."""

    def follow(self, job_id: str, connection: str, after: int) -> Job | None:
        """Send what comes after a sequence number to another connection; how the job is now.

        One that is over changes no more, and comes with its outcome.
        """


class JobQueue(Protocol):
    """Brings messages to workers at least once, fairly between lines. May raise `QueueUnavailable`."""

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        """Hand over a message, to be delivered after at most 900 seconds of delay."""

    def bury(self, body: str, reason: str) -> None:
        """Put a message as it came where nobody delivers it, with the reason why nobody could work on it."""
