"""What connections are told of a job besides the answer as it comes: that it was taken, how it ended, and all again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.chat import Completion
from chalicelib.domain.jobs import Job, Page
from chalicelib.domain.outcomes import Done, outcome_of
from chalicelib.domain.pieces import MOST_CHARACTERS
from chalicelib.domain.sockets import parts
from chalicelib.pipeline.relay import pieces as deltas_of
from chalicelib.ports import Clock, Jobs
from chalicelib.ports.sockets import Transport, Wire

LATE_SECONDS: Final = 0.25  # until what was not taken is sent again
TRIES: Final = 8  # of a frame that is not taken, where nothing else is left to do


@dataclass(frozen=True, slots=True)
class Courier:
    """Sends answers to connections. `hold` keeps a job for its worker, and tells how it is now."""

    jobs: Jobs
    transport: Transport
    wire: Wire
    hold: Callable[[Job], Job | None]
    clock: Clock
    pause: Callable[[float], None]

    def accept(self, address: str, job: str | None) -> None:
        """Say that work was taken. Nobody is told anything of it before."""
        connection, chat = parts(address)
        self.insist(connection, self.wire.accepted(chat, job))

    def replay(self, address: str, job: Job, after: int = 0) -> None:
        """Send the answer of a job that is over, from after a number on, and its end."""
        connection, chat = parts(address)
        kept = list(self.jobs.pages(job.id, 0)) or list(self._written(job))
        for number, piece in ((number, piece) for page in kept for number, piece in enumerate(page.pieces, page.first)):
            if number > after and not self.insist(connection, self.wire.chunk(chat, number, piece)):
                return
        self.finish(address, job, kept[-1].last if kept else 0)

    def finish(self, address: str, job: Job, last: int) -> None:
        """Send the frame that ends an answer of so many pieces."""
        connection, chat = parts(address)
        outcome = outcome_of(job)
        if job.state == "completed" and isinstance(outcome, Done):
            self.insist(connection, self.wire.done(chat, last, outcome.completion.usage))
        else:
            self.insist(connection, self.wire.broken(chat, job))

    def said(self, job: Job) -> Completion | None:
        """The part of an answer that a worker kept before it died; None where it kept nothing."""
        kept = [piece for page in self.jobs.pages(job.id, 0) for piece in page.pieces]
        return self.wire.said(kept) if kept else None

    def insist(self, connection: str, frame: bytes) -> bool:
        """Send a frame, several times if need be; whether it was taken."""
        for _ in range(TRIES):
            delivery = self.transport.send(connection, frame)
            if delivery != "late":
                return delivery == "sent"
            self.pause(LATE_SECONDS)
        return False

    def _written(self, job: Job) -> Iterator[Page]:
        """The answer of a job that was not streamed, in the same pieces each time."""
        outcome = outcome_of(job)
        if isinstance(outcome, Done):
            head, deltas = outcome.head, deltas_of(outcome.completion, MOST_CHARACTERS)
            pieces = [self.wire.opening(head), *(each for delta in deltas for each in self.wire.pieces(head, delta))]
            yield Page(1, len(pieces), tuple(pieces))
