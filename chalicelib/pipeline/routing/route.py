"""One turn's way through the targets: whom to ask next, how long to wait, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Model, Target
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import ModelError, ModelNotReady, ModelRejected, ModelThrottled, ModelUnavailable
from chalicelib.domain.routing import Need, Saturated, able
from chalicelib.pipeline.routing.pool import Pool, Watched

MOST_ATTEMPTS: Final = 4
LEAST_SECONDS: Final = 0.25  # of the deadline that must be left for another attempt
SHARE: Final = 0.6  # of what is left that one target may keep others waiting
LEAST_FIRST_SECONDS: Final = 3.0
FIRST_FACTOR: Final = 8.0  # times what is expected: later than that, a first piece is not coming


@dataclass(slots=True)
class Flight:
    """One call to one target. Tell it what came; after the first word of its end, it hears no other."""

    pool: Pool
    watched: Watched
    need: Need
    began_at: float
    patience: float
    _first_at: float | None = None
    _over: bool = False
    _probe: Breaker | None = None

    def __post_init__(self) -> None:
        """Remember whether it is a probe."""
        self._probe = self.watched.breaker if self.watched.breaker.probing else None

    @property
    def target(self) -> Target:
        """Whom it asks."""
        return self.watched.target

    def first(self, now: float) -> None:
        """The first piece of a stream came."""
        self._first_at = now
        pace = self.watched.pace.began(now - self.began_at, self.need.input_tokens, now)
        self.pool.answered(self.watched, pace, now, whole=False)

    def elapsed_ms(self, now: float) -> int:
        """How long it has been under way."""
        return max(0, round((now - self.began_at) * 1000))

    def done(self, usage: Usage, now: float) -> None:
        """The answer is whole, and burned `usage`."""
        if self._ends(usage, now):
            pace = self.watched.pace
            if self._first_at is not None:
                pace = pace.ended(now - self._first_at, usage.output_tokens, now)
            else:
                inputs = usage.input_tokens or self.need.input_tokens
                pace = pace.answered(now - self.began_at, inputs, usage.output_tokens, now)
            self.pool.answered(self.watched, pace, now)

    def failed(self, fault: ModelError, now: float, *, counts: bool = True) -> None:
        """The target failed; a rejection is an answer, and a turn `counts` once among failures in a row."""
        if not self._ends(self._most() if fault.burned or self._first_at is not None else None, now):
            return
        pace, cut = self.watched.pace, self._first_at is not None
        if isinstance(fault, ModelRejected):
            self.pool.answered(self.watched, pace, now)
            return
        if cut:
            self.watched.cuts += 1
        else:
            self.watched.failures += counts
            pace = pace.failed(now - self.began_at, self.need.input_tokens, now)
        self.pool.failed(self.watched, fault, pace, now, cut=cut)

    def withdrawn(self, now: float) -> None:
        """It was never made."""
        if self._ends(None, now):
            self.pool.freed(self.watched, self._probe)

    def left(self, now: float) -> None:
        """The caller does not want the rest."""
        if self._ends(self._most(), now):
            self.pool.freed(self.watched, self._probe)

    def _most(self) -> Usage:
        return Usage(input_tokens=self.need.input_tokens, output_tokens=self.need.output_tokens)

    def _ends(self, usage: Usage | None, now: float) -> bool:
        if self._over:
            return False
        self._over = True
        self.pool.over(self.watched, self.need, usage, self.began_at, now)
        return True


@dataclass(slots=True)
class Route:
    """The attempts of one turn. Every target is asked once, and one that just broke a second time if none is left.

    While it is `patient`, the lowest tier alone is asked: what is busy or not up is waited for, what breaks is not.
    """

    pool: Pool
    model: Model
    need: Need
    deadline: float
    patient: bool = False
    attempts: int = 0
    _tried: list[Watched] = field(default_factory=list)
    _again: list[Watched] = field(default_factory=list)
    _able: list[Watched] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find who can do it at all; `BadRequest` where nobody can."""
        self._able = self.pool.watched(self.model, able(self.model, self.need))
        self.pool.offered()

    def next(self, now: float, *, streamed: bool, beside: bool = False) -> Flight | Saturated | None:
        """The next call to make; None where no more may be made; `Saturated` where no target takes one now."""
        fresh = [each for each in self._open() if each not in self._tried]
        if not any(each.ready_at(now) <= now for each in (*fresh, *self._again)):
            return self._saturated(now)
        if self.attempts and not self._may_go_on(now, beside=beside):
            return None
        picked = self.pool.choose(fresh, self.need, now) or self.pool.choose(self._again, self.need, now)
        if picked is None:
            return self._saturated(now)
        self.attempts += 1
        if picked in self._again:
            self._again.remove(picked)
        self._tried.append(picked)
        others = any(each is not picked and each.ready_at(now) <= now for each in fresh)
        return Flight(self.pool, picked, self.need, now, self._patience(picked, now, others=others, streamed=streamed))

    def failed(self, flight: Flight, fault: ModelError, now: float) -> None:
        """Remember what came of an attempt."""
        self.patient = self.patient and isinstance(fault, (ModelThrottled, ModelNotReady))
        first = self._tried.count(flight.watched) == 1
        if first and isinstance(fault, ModelUnavailable):
            self._again.append(flight.watched)
        flight.failed(fault, now, counts=first)

    def end(self, fault: ModelError | None, now: float) -> Saturated:
        """What to tell after the last attempt: that waiting helps, or what went wrong where it would not."""
        if fault is not None and not isinstance(fault, (ModelThrottled, ModelNotReady)):
            raise fault
        return self._saturated(now)

    def _saturated(self, now: float) -> Saturated:
        down = all(each.breaker.is_down(now) for each in self._open())
        return Saturated(self.model.id, wait_seconds(self._open(), now), down=down)

    def _open(self) -> list[Watched]:
        """Whom it may ask."""
        lowest = min((each.target.tier for each in self._able), default=0)
        return [each for each in self._able if each.target.tier == lowest or not self.patient]

    def _may_go_on(self, now: float, *, beside: bool) -> bool:
        in_time = self.attempts < MOST_ATTEMPTS and now + LEAST_SECONDS < self.deadline
        return in_time and (beside or self.pool.ask_again())

    def _patience(self, picked: Watched, now: float, *, others: bool, streamed: bool) -> float:
        left = max(self.deadline - now, LEAST_SECONDS)
        if not others:
            return left
        if not streamed:
            return left * SHARE
        expected = FIRST_FACTOR * picked.pace.expected_first(self.need.input_tokens)
        return min(left * SHARE, max(LEAST_FIRST_SECONDS, expected))


def wait_seconds(candidates: Sequence[Watched], now: float) -> int:
    """After how many whole seconds the first of them may be asked, at least one; a probe will soon be through."""
    waits = (max(each.breaker.until, each.full_until, now) for each in candidates)
    return max(1, ceil(min(waits, default=now) - now))
