"""Callers in virtual time: turns that go through the product's own routing, in one process or in many."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from benchmarks.routing_choices import Choice
from benchmarks.routing_servers import Agenda, Call, Kind, Server
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Model
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelThrottled, ModelTimeout, ModelUnavailable
from chalicelib.domain.routing import Need
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.route import Flight, Route

DEADLINE_SECONDS: Final = 60.0
IDLE_SECONDS: Final = 120.0  # after which a Lambda process that nobody calls is gone
FAULTS: Final[dict[Kind, type[ModelError]]] = {
    "refuse": ModelUnavailable,
    "500": ModelUnavailable,
    "429": ModelThrottled,
    "hang": ModelTimeout,
    "garbage": ModelGarbled,
    "cut": ModelUnavailable,
}


@dataclass(frozen=True)
class Job:
    """What one caller asks for."""

    input_tokens: int
    output_tokens: int
    cap: int
    streamed: bool


@dataclass
class Tally:
    """What came of the turns of a run: of each when it began and how it ended, and the seconds of the answered."""

    offered: int = 0
    attempts: int = 0
    retries: int = 0
    turns: list[tuple[float, str]] = field(default_factory=list)
    took: list[float] = field(default_factory=list)


@dataclass(eq=False)
class Process:
    """One process of the product: `busy` is how many turns it is in."""

    pool: Pool
    busy: int = 0
    idle_since: float = 0.0


@dataclass
class Crowd:
    """All processes. With `one_at_a_time` they are like Lambda's: the one that was used last takes the next turn."""

    model: Model
    servers: Sequence[Server]
    choice: Choice
    agenda: Agenda
    draw: random.Random
    one_at_a_time: bool
    tally: Tally = field(default_factory=Tally)
    processes: list[Process] = field(default_factory=list)
    started: int = 0
    shelf: Shelf = field(default_factory=Shelf)

    def turn(self, job: Job) -> None:
        """One turn begins now: the breakers that are due come with its first read."""
        self.tally.offered += 1
        process, now = self._process(), self.agenda.now
        process.busy += 1
        names = process.pool.due(self.model, now)
        process.pool.heard(self.model, {name: self.shelf.breakers.get(name, Breaker()) for name in names}, now)
        attempts = Bare if self.choice.bare else Retried
        attempts(self, process, job, now).next()

    def ended(self, process: Process, began: float, outcome: str) -> None:
        """A turn is over."""
        process.busy -= 1
        process.idle_since = self.agenda.now
        if self.one_at_a_time:
            self.processes.append(process)
        self.tally.turns.append((began, outcome))
        if outcome == "answered":
            self.tally.took.append(self.agenda.now - began)

    def _process(self) -> Process:
        now = self.agenda.now
        if not self.one_at_a_time:
            return self.processes[0] if self.processes else self._new()
        while self.processes and now - self.processes[0].idle_since > IDLE_SECONDS:
            self.processes.pop(0)
        return self.processes.pop() if self.processes else self._new()

    def _new(self) -> Process:
        self.started += 1
        process = Process(self.choice.pool(MemoryTargets(self.shelf), self.draw, self.servers))
        if not self.one_at_a_time:
            self.processes.append(process)
        return process


@dataclass
class Retried:
    """One turn as `Attempts` makes it: one target after the other, until one answers."""

    crowd: Crowd
    process: Process
    job: Job
    began: float
    route: Route = field(init=False)
    fault: ModelError | None = None

    def __post_init__(self) -> None:
        need = Need(self.job.input_tokens, self.job.cap)
        self.route = Route(self.process.pool, self.crowd.model, need, self.began + DEADLINE_SECONDS)

    def next(self) -> None:
        """The next attempt, or the end."""
        flight = self.route.next(self.crowd.agenda.now, streamed=self.job.streamed)
        if isinstance(flight, Flight):
            self.crowd.tally.attempts += 1
            self.crowd.tally.retries += self.route.attempts > 1
            Asked(self, flight).ask()
            return
        try:
            self.route.end(self.fault, self.crowd.agenda.now)
        except ModelError:
            self.over("failed")
        else:
            self.over("saturated")

    def broke(self, flight: Flight, fault: ModelError) -> None:
        """It failed before the caller heard anything."""
        self.fault = fault
        self.route.failed(flight, fault, self.crowd.agenda.now)
        self.next()

    def over(self, outcome: str) -> None:
        self.crowd.ended(self.process, self.began, outcome)


class Bare(Retried):
    """One attempt, whatever comes; nothing is left alone, nothing is leased."""

    def next(self) -> None:
        if self.fault is not None:
            self.over("failed")
            return
        pool, now = self.process.pool, self.crowd.agenda.now
        watched = pool.watched(self.crowd.model, self.crowd.model.targets)
        picked = pool._picked(watched, self.route.need, now)  # noqa: SLF001 - the choice alone
        picked.in_flight += 1
        self.crowd.tally.attempts += 1
        Asked(self, Flight(pool, picked, self.route.need, now, DEADLINE_SECONDS)).ask()

    def broke(self, flight: Flight, fault: ModelError) -> None:
        self.fault = fault
        flight.withdrawn(self.crowd.agenda.now)
        self.next()


@dataclass
class Asked:
    """One attempt: what its target says goes to its flight, and silence is a fault once patience has ended."""

    turn: Retried
    flight: Flight
    heard: bool = False
    call: Call = field(init=False)

    def ask(self) -> None:
        job, crowd = self.turn.job, self.turn.crowd
        self.call = Call(job.input_tokens, job.output_tokens, job.cap, self._first, self._done, self._failed)
        crowd.agenda.after(self.flight.patience, self._silent)
        crowd.servers[int(self.flight.target.uri.rpartition("/")[2])].ask(self.call)

    @property
    def now(self) -> float:
        return self.turn.crowd.agenda.now

    def _first(self) -> None:
        if self.turn.job.streamed:
            self.heard = True
            self.flight.first(self.now)

    def _done(self) -> None:
        self.call.left = True
        self.flight.done(Usage(self.turn.job.input_tokens, self.turn.job.output_tokens), self.now)
        self.turn.over("answered")

    def _failed(self, kind: Kind, wish: int | None) -> None:
        self.call.left = True
        fault = FAULTS[kind](kind, retry_after_seconds=wish)
        if self.heard:
            self.flight.failed(fault, self.now)
            self.turn.over("cut")
        else:
            self.turn.broke(self.flight, fault)

    def _silent(self) -> None:
        if not self.heard and not self.call.left:
            self._failed("hang", None)
