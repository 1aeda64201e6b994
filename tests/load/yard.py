"""Real servers that break to order, routers over them, and a time that passes only when a test or a server says so."""

import random
import socket
from collections import Counter
from dataclasses import dataclass, field

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.errors import ModelError
from chalicelib.domain.report import Attempt
from chalicelib.domain.routing import Saturated
from chalicelib.domain.turn import Cue
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from tests.builders import NOW, a_credential, a_model, a_request
from tests.contract.samples import reservation
from tests.upstreams.openai_server import OpenAiServer, Reply

FIRST_SECONDS = 0.4
PIECE_SECONDS = 0.016
SLOWER = 10
IMPATIENT_MS = 30  # how long a server is waited for that is known to hang
REPLIES = {
    "hang": Reply(hang_after=0),
    "429": Reply(status=429, body=b"{}"),
    "500": Reply(status=500, body=b"{}"),
    "garbage": Reply(body=b"<html>"),
    "cut": Reply(cut_after=2),
}
FAULTS = ("refuse", "slow", *REPLIES)


class Time:
    """Stands still between two steps."""

    def __init__(self):
        self.now = float(NOW)

    def __call__(self):
        return self.now

    def step(self, seconds):
        self.now += seconds


class Always:
    """A server's replies where it answers everything alike."""

    def __init__(self, reply):
        self._reply = reply

    def __bool__(self):
        return self._reply is not None

    def popleft(self):
        return self._reply


class Timed:
    """A model whose answers take time as an ordinary one's do, or some times as long."""

    def __init__(self, model, time, slower):
        self._model = model
        self._time = time
        self._slower = slower

    def complete(self, request, patience=None):
        completion = self._model.complete(request, patience)
        self._time.step((FIRST_SECONDS + PIECE_SECONDS * completion.usage.output_tokens) * self._slower)
        return completion

    def stream(self, request, patience=None):
        for number, delta in enumerate(self._model.stream(request, patience)):
            self._time.step((PIECE_SECONDS if number else FIRST_SECONDS) * self._slower)
            yield delta


class Stand:
    """One target: a server, and what it is asked through while it is broken."""

    def __init__(self, stack, time):
        self._time = time
        self.server = stack.enter_context(OpenAiServer())
        self._live = open_openai(f"openai+{self.server.url}")
        self._impatient = open_openai(f"openai+{self.server.url}?first_byte_ms={IMPATIENT_MS}")
        closed = stack.enter_context(socket.socket())
        closed.bind(("127.0.0.1", 0))  # and nobody listens
        self._dead = open_openai(f"openai+http://127.0.0.1:{closed.getsockname()[1]}/v1")
        self.breaks(None)

    def breaks(self, fault):
        """From now on, until it is told otherwise; None heals it."""
        self.fault = fault
        self.server.replies = Always(REPLIES.get(fault))

    @property
    def model(self):
        model = {"refuse": self._dead, "hang": self._impatient}.get(self.fault, self._live)
        return Timed(model, self._time, SLOWER if self.fault == "slow" else 1)


@dataclass
class Record:
    """What came of the calls of a run, and whom they asked."""

    outcomes: Counter[str] = field(default_factory=Counter)
    tried: list[Attempt] = field(default_factory=list)
    burned: Counter[str] = field(default_factory=Counter)

    @property
    def offered(self):
        return self.outcomes.total()

    def to(self, name):
        return sum(attempt.target == name for attempt in self.tried)


class Yard:
    """A model of some targets, and processes of the product that share one store."""

    def __init__(self, stack, targets=3, *, deadline=60.0, seed=0):
        self.time = Time()
        self.names = [f"stand://{number}" for number in range(targets)]
        self.stands = {name: Stand(stack, self.time) for name in self.names}
        self.model = a_model("small", *self.names)
        self.shelf = Shelf()
        self.turns = MemoryTurns(self.shelf)
        self.deadline = deadline
        self._draw = random.Random(seed)
        self._asked = 0

    def breaks(self, fault, *names):
        for name in names or self.names:
            self.stands[name].breaks(fault)

    def process(self):
        """One process of the product."""
        pool = Pool(MemoryTargets(self.shelf), self._draw.random)
        return Router(self._open, self._open, pool, self.turns, self.time, self.deadline)

    def opened(self, *names):
        """Which targets are left alone."""
        pool = Pool(MemoryTargets(self.shelf), lambda: 0.0)
        watched = pool.watched(self.model, self.model.targets)
        return [
            each.target.name
            for each in watched
            if each.name in self.shelf.breakers and not self.shelf.breakers[each.name].admits(self.time())
        ]

    def run(self, calls, *, every, processes=1, until=None):
        """Calls one after the other, each by another process, streamed and not in turns."""
        record, routers = Record(), [self.process() for _ in range(processes)]
        for number in range(calls):
            self.time.step(every)
            self.call(routers[number % processes], record, streamed=number // processes % 2 == 1)
            if until is not None and until():
                break
        return record

    def call(self, router, record, *, streamed):
        """One turn as the pipeline makes it: what is known of breakers comes with its first read."""
        self._asked += 1
        self._hear(router.pool)
        purse = router.purse(reservation(f"t-{self._asked}"))
        try:
            outcome = (router.stream if streamed else router.complete)(self.model, a_request(), purse)
            if isinstance(outcome, Saturated):
                record.outcomes["saturated"] += 1
            elif streamed:
                record.outcomes["answered" if list(outcome[0]) else "empty"] += 1
            else:
                record.outcomes["answered" if outcome[0].text else "empty"] += 1
        except ModelError as fault:
            record.outcomes["cut" if streamed and purse.tried[-1].outcome == "answered" else "failed"] += 1
            record.burned[type(fault).__name__] += fault.burned
        record.tried += purse.tried

    def _hear(self, pool):
        names = pool.due(self.model, self.time())
        memory = self.turns.recall(Cue(a_credential(), self.time(), targets=names))
        pool.heard(self.model, memory.targets, self.time())

    def _open(self, uri):
        return self.stands[uri].model
