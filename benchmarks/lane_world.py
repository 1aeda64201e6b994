"""The product's own turn, line and worker over memory, with models and a queue that take virtual time."""

import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Semaphore
from typing import Final

from benchmarks.lane_time import Stage
from chalicelib import bootstrap
from chalicelib.adapters.memory.answers import MemoryAnswers
from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.jobs import MemoryJobs
from chalicelib.adapters.memory.keys import MemoryKeys
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.budget import Limit, Plan
from chalicelib.domain.catalogue import Catalogue, Model, Quota, Target
from chalicelib.domain.chat import ChatRequest, Completion, Delta, Usage, User
from chalicelib.domain.errors import ModelThrottled, QueueUnavailable
from chalicelib.domain.identity import RANDOM_BYTES, Credential, Key, Peppers, mint
from chalicelib.domain.jobs import Message, Poison
from chalicelib.domain.report import Report
from chalicelib.domain.turn import Ask, Prefer
from chalicelib.pipeline import work
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.history import History
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.services import Services
from chalicelib.settings import Settings

PEPPERS: Final = Peppers(1, {1: b"bench"})
LIMIT: Final = Limit("tenant", "month", requests=10**9, tokens=10**12)
SERVICE_SECONDS: Final = 4.0
VISIBILITY_SECONDS: Final = 5_400.0
DELIVERY_SECONDS: Final = 0.03  # from a queue to a function
RETRY_SECONDS: Final = 2
_MANY: Final = 1_000_000  # callers, each in a function of its own


class Died(BaseException):
    """A worker's process ended in the middle of its work."""


@dataclass
class Upstream:
    """A model that answers so many at once and says 429 to any more; `asked` counts its calls by question."""

    stage: Stage
    random: random.Random
    slots: int
    deaths: float = 0.0
    busy: int = 0
    asked: Counter[str] = field(default_factory=Counter)

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """An answer after some time."""
        del patience
        if self.busy >= self.slots:
            raise ModelThrottled("Full.", retry_after_seconds=RETRY_SECONDS)
        self.asked[str(request.messages[-1].content)] += 1
        self.busy += 1
        dies = self.random.random() < self.deaths
        try:
            self.stage.pause(self.random.lognormvariate(0.0, 0.35) * SERVICE_SECONDS)
        finally:
            self.busy -= 1
        if dies:
            raise Died
        return Completion(text="Done.", usage=Usage(20, 5))

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The same answer in one piece; its time passes before it."""
        yield Delta(text="Done.", finish_reason="stop", usage=self.complete(request, patience).usage)


@dataclass
class FairQueue:
    """A standard queue with message groups: it delivers of the group that has the fewest in flight, at least once.

    `twice` and `failing` are shares of messages that come twice and of sends that fail.
    """

    stage: Stage
    random: random.Random
    fair: bool = True
    twice: float = 0.0
    failing: float = 0.0
    groups: dict[str, deque[Message]] = field(default_factory=dict)
    flying: Counter[str] = field(default_factory=Counter)
    buried: list[tuple[str, str]] = field(default_factory=list)
    arrived: Callable[[], None] = lambda: None

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        if self.random.random() < self.failing:
            raise QueueUnavailable("Down.")
        for _ in range(1 + (self.random.random() < self.twice)):
            self.again(message, delay_seconds + DELIVERY_SECONDS)

    def bury(self, body: str, reason: str) -> None:
        self.buried.append((body, reason))

    def take(self) -> Message | None:
        """The next message, fairly; it is in flight until `done`, or comes again."""
        waiting = [line for line, messages in self.groups.items() if messages]
        if not waiting:
            return None
        line = min(waiting, key=lambda each: self.flying[each])
        self.flying[line] += 1
        message = self.groups[line].popleft()
        if not self.groups[line]:
            del self.groups[line]
        return message

    def again(self, message: Message, seconds: float) -> None:
        """Bring a message after some time."""
        self.stage.agenda.after(seconds, lambda: self._arrive(message))

    def _arrive(self, message: Message) -> None:
        self.groups.setdefault(message.line if self.fair else "", deque()).append(message)
        self.arrived()


@dataclass
class Quiet:
    """A meter that keeps the reports of turns that are over."""

    reports: list[Report] = field(default_factory=list)

    def record(self, report: Report) -> None:
        if not report.queued:
            self.reports.append(report)

    def words(self, said: object) -> None:
        """None are kept."""

    def unmetered(self, caller: object) -> None:
        """Never here."""

    def stale(self, faults: object) -> None:
        """Never here."""

    def told(self, told: object) -> None:
        """Never here."""


class World:
    """Tenants, one model, one line, and so many workers."""

    settings: Settings = Settings(stage="bench", pepper="bench", cache=False, flight_seconds=0)
    offer: Model = Model("small", (Target("openai+http://model/v1"),), max_output_tokens=4_096)

    def __init__(self, seed: int, *, slots: int, workers: int, start: float, deaths: float = 0.0) -> None:
        self.stage, self.random = Stage(start), random.Random(seed)
        self.model = self._upstream(random.Random(seed + 1), slots, deaths)
        self.queue = FairQueue(self.stage, random.Random(seed + 2))
        self.jobs, self.shelf, self.meter = MemoryJobs(), Shelf(), Quiet()
        self.idle = workers
        self.queue.arrived = self._call
        self._keys = MemoryKeys(self.shelf)
        self._keys.put_plan(Plan(name="bench", limits=(LIMIT,)))
        self.use = self._services()

    def key(self, tenant: str) -> Credential:
        """A new tenant's key."""
        credential = mint(tenant, "user", live=False, random=bytes(RANDOM_BYTES))
        digest = PEPPERS.digest(credential.token, 1)
        self._keys.put(Key(credential.key_id, tenant, "user", frozenset({"chat"}), "bench", digest, 1, 1))
        return credential

    def ask(self, credential: Credential, name: str, *, waits: bool) -> Ask:
        """A turn that nobody asked before."""
        request = ChatRequest("small", (User(name),), 64)
        return Ask(credential, request, name, self.stage.now, prefer=Prefer(respond_async=not waits))

    def sweep(self, until: float) -> None:
        """Let the sweep come by each minute until an epoch second."""
        self.stage.after(60.0, lambda: self._sweep(until))

    def _upstream(self, draw: random.Random, slots: int, deaths: float) -> Upstream:
        """The model that everybody asks."""
        return Upstream(self.stage, draw, slots, deaths)

    def _call(self) -> None:
        """Give the next message to a worker, if one is idle."""
        if self.idle and (message := self.queue.take()) is not None:
            self.idle -= 1
            self.stage.after(0.0, lambda: self._work(message))

    def _work(self, message: Message) -> None:
        """One worker, with one message."""
        try:
            work.complete(message, self.use)
        except Poison as poison:
            self.queue.bury("", poison.reason)
        except Died:
            self.queue.again(message, VISIBILITY_SECONDS)
        finally:
            self.queue.flying[message.line] -= 1
            self.idle += 1
            self._call()

    def _sweep(self, until: float) -> None:
        while self.stage.now < until:
            self.use.lane.resend()
            self.stage.pause(60.0)

    def _services(self) -> Services:
        """The deployed services, with memory for what is stored."""
        built = bootstrap.build(self.settings)
        turns, conversations = MemoryTurns(self.shelf), MemoryConversations(self.shelf)
        offer = Catalogue((self.offer,))
        pool = Pool(MemoryTargets(self.shelf), self.random.random)

        def clock() -> float:
            return self.stage.now

        gate = replace(built.gate, turns=turns, keys=self._keys, peppers=PEPPERS, catalogue=offer, watch=pool)
        router = Router(lambda _: self.model, built.router.open_embedder, pool, turns, clock, 60)
        lane = Lane(self.jobs, self.queue, clock, self.stage.pause, 86_400, 90, 20, Semaphore(_MANY))
        admission = Admission(turns, conversations, 900, clock)
        answers = MemoryAnswers(self.shelf)
        return replace(
            built,
            gate=gate,
            history=History(conversations),
            cache=replace(built.cache, answers=answers),
            admission=admission,
            flights=replace(built.flights, answers=answers, admission=admission, clock=clock, pause=self.stage.pause),
            router=router,
            lane=lane,
            courier=replace(built.courier, jobs=self.jobs, hold=lane.hold, clock=clock, pause=self.stage.pause),
            meter=self.meter,
            clock=clock,
        )


def quota(slots: int) -> Quota:
    """About what so many slots answer in a minute."""
    return Quota(requests_per_minute=int(slots * 60 / SERVICE_SECONDS))
