"""The attempts of one turn, one after the other or two at once, until one gives an outcome."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from msgspec import Struct

from chalicelib.domain.errors import BadRequest, ModelError, ModelRejected
from chalicelib.domain.report import ANSWERED, LATE, Attempt
from chalicelib.domain.routing import Saturated
from chalicelib.domain.turn import Reservation
from chalicelib.pipeline.routing.purse import Purse
from chalicelib.pipeline.routing.route import Flight, Route
from chalicelib.ports import Clock

Outcome = TypeVar("Outcome")


class Routed(Struct, frozen=True):
    """Which target answered, at which attempt, and how long the model took to its answer or first piece."""

    target: str
    attempts: int
    model_seconds: float


@dataclass(slots=True)
class Attempts(Generic[Outcome]):
    """Asks one target after the other. `close` ends an outcome that comes too late.

    With `hedge_seconds`, a second target is asked beside the first where that has said nothing for so long and the
    purse reserves for both.
    """

    route: Route
    ask: Callable[[Flight], Outcome]
    purse: Purse
    clock: Clock
    close: Callable[[Outcome], None] | None = None
    hedge_seconds: float | None = None

    def outcome(self) -> tuple[Outcome, Routed] | Saturated:
        """The first outcome, `Saturated` where no target takes the turn now, or the last target's `ModelError`."""
        started = self.clock()
        fault: ModelError | None = None
        while not self.purse.closed and isinstance(flight := self._next(), Flight):
            if fault is not None and fault.burned and not self.purse.forfeit():
                flight.withdrawn(self.clock())
                raise fault
            try:
                answered, outcome = self._flown(flight)
            except ModelError as failed:
                if isinstance(failed, ModelRejected):
                    raise BadRequest(failed.message, code="model_rejected") from failed
                fault = failed
            else:
                self._note(answered, ANSWERED)
                return outcome, Routed(answered.target.name, self.route.attempts, self.clock() - started)
        return self.route.end(fault, self.clock())

    def _next(self) -> Flight | Saturated | None:
        return self.route.next(self.clock(), streamed=self.close is not None)

    def _flown(self, flight: Flight) -> tuple[Flight, Outcome]:
        if self.hedge_seconds is None or self.close is None:
            return flight, self._asked(flight)
        return self._raced(flight, self.hedge_seconds, self.close)

    def _asked(self, flight: Flight) -> Outcome:
        landed = False
        try:
            outcome = self.ask(flight)
            landed = True
        except ModelError as fault:
            fault.target, fault.attempts = flight.target.name, self.route.attempts
            self.route.failed(flight, fault, self.clock())
            self._note(flight, type(fault).__name__)
            raise
        finally:
            if not landed:
                flight.left(self.clock())
        return outcome

    def _raced(self, first: Flight, seconds: float, close: Callable[[Outcome], None]) -> tuple[Flight, Outcome]:
        """Who comes first is taken; the other is ended as soon as it comes."""
        threads = ThreadPoolExecutor(max_workers=2)
        runs = {threads.submit(self._asked, first): first}
        held = None
        if not wait(runs, timeout=seconds).done and (second := self._second()) is not None:
            flight, held = second
            runs[threads.submit(self._asked, flight)] = flight
        threads.shutdown(wait=False)
        for run in as_completed(runs):
            if run.exception() is None:
                for other in runs.keys() - {run}:
                    self._leave(runs[other], other)
                    other.add_done_callback(partial(_close_late, close))
                    self._settle(held, other)
                return runs[run], run.result()
        return self._lost([run.exception() for run in runs], held)

    def _leave(self, flight: Flight, run: Future[Outcome]) -> None:
        if not run.done():
            self._note(flight, LATE)

    def _second(self) -> tuple[Flight, Reservation] | None:
        """A second call beside the first, and what is reserved for it; None where there is no target or no money."""
        flight = self.route.next(self.clock(), streamed=True, beside=True)
        if not isinstance(flight, Flight):
            return None
        held = self.purse.hold()
        if held is None:
            flight.withdrawn(self.clock())
            return None
        return flight, held

    def _settle(self, held: Reservation | None, loser: Future[Outcome]) -> None:
        """A loser that failed without burning costs nothing; one that is still under way may burn it all."""
        if held is not None:
            fault = loser.exception() if loser.done() else None
            self.purse.settle(held, burned=not isinstance(fault, ModelError) or fault.burned)

    def _lost(self, faults: list[BaseException | None], held: Reservation | None) -> tuple[Flight, Outcome]:
        """Nobody came: raise the fault that may have burned tokens before one that did not."""
        burning = [each for each in faults if isinstance(each, ModelError) and each.burned]
        if held is not None:
            self.purse.settle(held, burned=len(burning) == len(faults))
        fault = next(iter(burning), faults[-1])
        raise fault if fault is not None else ModelError("Nothing came.")

    def _note(self, flight: Flight, outcome: str) -> None:
        self.purse.tried.append(Attempt(flight.target.name, outcome, flight.elapsed_ms(self.clock())))


def _close_late(close: Callable[[Outcome], None], run: Future[Outcome]) -> None:
    if run.exception() is None:
        close(run.result())
