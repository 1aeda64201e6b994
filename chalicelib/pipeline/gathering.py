"""An answer that nobody hears while it comes: gathered piece by piece, so that it can be stopped in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from chalicelib.domain.chat import Completion, Delta
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.jobs import Job
from chalicelib.domain.transcript import Transcript
from chalicelib.pipeline.ahead import Ahead
from chalicelib.pipeline.lane import Lane

TOUCH_SECONDS: Final = 1.0  # how soon a cancel is noticed


class Gathering:
    """One answer: `gather` until it is over, broken by a `fault`, not wanted any more, or another worker's.

    `job` is as it was last seen.
    """

    __slots__ = ("_lane", "_said", "fault", "is_lost", "is_stopped", "job")

    def __init__(self, job: Job, lane: Lane) -> None:
        """Before the first piece."""
        self._lane = lane
        self._said = Transcript()
        self.job = job
        self.fault: TidegateError | None = None
        self.is_lost = self.is_stopped = False

    @property
    def completion(self) -> Completion:
        """The answer as far as it came."""
        return self._said.completion()

    @property
    def is_whole(self) -> bool:
        """Whether the model came to an end of its own."""
        return self._said.finish_reason is not None and self.fault is None and not self.is_stopped

    def gather(self, deltas: Iterator[Delta]) -> None:
        """Take in all that the model says; what is not wanted is closed."""
        ahead = Ahead(deltas)
        try:
            self._take(ahead)
        except TidegateError as fault:
            self.fault = fault
        finally:
            ahead.close()
        self.is_stopped = self.is_stopped or self._lane.is_unwanted(self.job)

    def _take(self, ahead: Ahead) -> None:
        due = self._lane.clock() + TOUCH_SECONDS
        while not (self.is_lost or self.is_stopped):
            if ahead.wait(max(0.0, due - self._lane.clock())):
                delta = ahead.take()
                if delta is None:
                    return
                self._said.add(delta)
            if self._lane.clock() >= due:
                self._look()
                due = self._lane.clock() + TOUCH_SECONDS

    def _look(self) -> None:
        held = self._lane.hold(self.job)
        self.job, self.is_lost = held or self.job, held is None
        self.is_stopped = self.job.cancelling
