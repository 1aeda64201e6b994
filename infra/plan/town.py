"""A sample of a load in virtual time: the world of `benchmarks.lane_world`, with processes as Lambda has them.

What runs is the product's own: turn, gate, admission and ledger, exact cache, single flight, router, pool, quotas,
line, worker and the valve that follows the line. Over memory: what is stored, the queue, the model.
"""

import random
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from benchmarks.lane_world import Upstream, World
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.domain.catalogue import Catalogue, Model, Target
from chalicelib.domain.chat import ChatRequest, User
from chalicelib.domain.concurrency import MESSAGES, Flow
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.identity import Credential
from chalicelib.domain.jobs import Message, Poison
from chalicelib.domain.turn import Ask, Prefer, Streamed
from chalicelib.pipeline import turn, work
from chalicelib.pipeline.lane import Waiting
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.valve import Gauge
from chalicelib.settings import Settings
from infra.plan.metered import Metered, Sample
from infra.plan.mix import CHAT

IDLE_SECONDS: Final = 300.0  # after which a Lambda process that nobody calls is gone
GIVES_UP_SECONDS: Final = 900.0
WORD: Final = "tide "
MOST_OUTPUT: Final = 64_000
EVERYBODYS: Final = "What everybody asks."


@dataclass(eq=False)
class Process:
    """One process of the product, with what it alone knows of targets."""

    use: Services
    idle_since: float = 0.0


@dataclass
class Tally:
    """What came of turns: how they ended, how long callers waited, and when functions were busy and lines long."""

    ends: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    busy: list[tuple[float, int, str]] = field(default_factory=list)
    batches: list[int] = field(default_factory=list)
    waiting: list[tuple[float, int]] = field(default_factory=list)
    started: Counter[str] = field(default_factory=Counter)


class Town(World):
    """Tenants of a sample, their processes, workers and model; `quota` is the sample's part of the model's."""

    settings: Settings = Settings(stage="bench", pepper="bench")

    def __init__(self, seed: int, start: float, sample: Sample) -> None:
        target = Target("openai+http://model/v1", quota=sample.quota)
        self.offer = Model("small", (target,), max_output_tokens=MOST_OUTPUT, default_output_tokens=sample.cap)
        self.sample, self.tally = sample, Tally()
        self._processes: dict[str, list[Process]] = {CHAT: [], "work": []}
        self._draw = random.Random(seed + 3)  # noqa: S311 - seeded, so that a day can be played again
        self._at_work, self.limit, self._turned = 0, sample.workers, start
        self._text = WORD * (sample.input_tokens * 4 // len(WORD))
        super().__init__(seed, slots=0, workers=0, start=start)
        offered = Catalogue((self.offer,))
        self._gauge = Gauge(self, self.jobs, MemoryTargets(self.shelf), lambda: offered, self._now)

    def flow(self) -> Flow:
        """As the event source says it."""
        waiting = sum(map(len, self.queue.groups.values()))
        return Flow(self.limit, self._turned, waiting)

    def turn(self, workers: int) -> None:
        """Let so many batches run at once."""
        self.limit, self._turned = workers, self.stage.now
        self._call()

    def arrive(self, key: Credential, number: int) -> None:
        """One caller's turn, from its call to its answer."""
        draw, sample, began = self._draw, self.sample, self.stage.now
        hit, chance = draw.random() < sample.hits, draw.random()
        text = EVERYBODYS if hit else f"{number} {self._text}"
        later = not hit and chance < sample.later
        streamed = sample.later <= chance < sample.later + sample.streamed
        request = ChatRequest("small", (User(text),), sample.cap)
        ask = Ask(key, request, f"{number:032d}", began, prefer=Prefer(respond_async=later))
        found = self._asked(ask, streamed=streamed)
        if isinstance(found, Waiting):
            found = self._fetched(found)
        self.tally.ends[found] += 1
        self.tally.took.append(self.stage.now - began)

    def warm(self, key: Credential, number: int) -> None:
        """A turn that is not counted, after which what everybody asks is known."""
        request = ChatRequest("small", (User(EVERYBODYS),), self.sample.cap)
        turn.answer(Ask(key, request, f"{number:032d}", self.stage.now), self.use)

    def look(self, every: float, until: float) -> None:
        """Note how many wait in line, now and then."""
        self.tally.waiting.append((self.stage.now, self.flow().waiting))
        if self.stage.now < until:
            self.stage.agenda.after(every, lambda: self.look(every, until))

    def _asked(self, ask: Ask, *, streamed: bool) -> Waiting | str:
        process = self._taken(CHAT)
        self._mark(CHAT, 1)
        try:
            self.stage.pause(self.sample.own_seconds)
            found = turn.stream(ask, process.use) if streamed else turn.answer(ask, process.use)
            if isinstance(found, Streamed):
                deque(found.deltas, maxlen=0)
        except TidegateError as fault:
            return type(fault).__name__
        finally:
            self._mark(CHAT, -1)
            self._left(CHAT, process)
        return found if isinstance(found, Waiting) else found.head.cache

    def _fetched(self, found: Waiting) -> str:
        """The caller of a job comes again when its ETA has passed."""
        until = self.stage.now + GIVES_UP_SECONDS
        while not found.job.over and self.stage.now < until:
            self.stage.pause(max(1.0, found.eta_seconds))
            found = self.use.lane.standing(self.jobs.get(found.job.id) or found.job)
        return "job" if found.job.state == "completed" else f"job {found.job.state}"

    def _call(self) -> None:
        """Give the next messages to a worker, ten at most, while there may be more workers."""
        while self._at_work < self.limit:
            batch = [message for message in (self.queue.take() for _ in range(MESSAGES)) if message is not None]
            if not batch:
                return
            self._at_work += 1
            self.tally.batches.append(len(batch))
            left = [len(batch)]
            process = self._taken("work")
            self._mark("work", 1)
            for message in batch:
                self.stage.after(0.0, partial(self._done, message, process, left))

    def _done(self, message: Message, process: Process, left: list[int]) -> None:
        """One message of a batch; the worker is free when all are done."""
        try:
            self.stage.pause(self.sample.own_seconds)
            work.complete(message, process.use)
        except Poison as poison:
            self.queue.bury("", poison.reason)
        finally:
            self.queue.flying[message.line] -= 1
            left[0] -= 1
            if not left[0]:
                self._at_work -= 1
                self._mark("work", -1)
                self._left("work", process)
                self._call()

    def _sweep(self, until: float) -> None:
        while self.stage.now < until:
            self.use.lane.resend()
            self._gauge.adjust()
            self.stage.pause(60.0)

    def _taken(self, kind: str) -> Process:
        """The process that was used last, as Lambda takes it, or a new one."""
        idle = self._processes[kind]
        while idle and self.stage.now - idle[0].idle_since > IDLE_SECONDS:
            idle.pop(0)
        if idle:
            return idle.pop()
        self.tally.started[kind] += 1
        pool = Pool(MemoryTargets(self.shelf), self.random.random)
        use = self.use
        return Process(replace(use, gate=replace(use.gate, watch=pool), router=replace(use.router, pool=pool)))

    def _left(self, kind: str, process: Process) -> None:
        process.idle_since = self.stage.now
        self._processes[kind].append(process)

    def _mark(self, function: str, change: int) -> None:
        self.tally.busy.append((self.stage.now, change, function))

    def _now(self) -> float:
        return self.stage.now

    def _upstream(self, draw: random.Random, slots: int, deaths: float) -> Upstream:
        return Metered(self.stage, draw, slots, deaths, sample=self.sample)
