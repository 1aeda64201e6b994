"""Targets in virtual time: they queue, they have quotas, they break; nothing here knows how they are chosen."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import inf
from typing import Final, Literal

from chalicelib.domain.catalogue import Quota, Target

Kind = Literal["refuse", "500", "429", "hang", "garbage", "slow", "cut"]
Act = Callable[[], None]

MINUTE: Final = 60.0
SOON: Final = 0.005  # seconds in which a host refuses a connection
LATER: Final = 0.05  # and in which a server says no
SIGMA: Final = 0.35  # of the logarithm of each time
SLOWER: Final = 10.0
INPUT_TOKENS_A_SECOND: Final = 5_000.0
TYPICAL_TOKENS: Final = 200


class Agenda:
    """What happens when, in seconds; what is due at one moment happens in the order in which it was planned."""

    def __init__(self, start: float) -> None:
        self.now = start
        self._order = count()
        self._due: list[tuple[float, int, Act]] = []

    def after(self, seconds: float, act: Act) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._order), act))

    def run(self) -> None:
        """Until nothing is planned."""
        while self._due:
            self.now, _, act = heapq.heappop(self._due)
            act()


@dataclass(frozen=True)
class Fault:
    """What is wrong with a target from one second of the run to another."""

    kind: Kind
    begins: float
    ends: float


@dataclass(frozen=True)
class Make:
    """How a target is made: the median first piece, its pace, how many calls it works on at once, its quota.

    `stated` is whether the catalogue knows the quota.
    """

    first_seconds: float = 0.4
    tokens_a_second: float = 60.0
    slots: int = 12
    quota: Quota | None = None
    stated: bool = True
    retry_after_seconds: int | None = None
    faults: tuple[Fault, ...] = ()

    def target(self, number: int) -> Target:
        return Target(f"simulated://{number}", quota=self.quota if self.stated else None)


@dataclass(eq=False)
class Call:
    """One attempt as the target sees it. Of what it tells, the caller hears nothing once `left` is set."""

    input_tokens: int
    output_tokens: int
    cap: int
    first: Act
    done: Act
    failed: Callable[[Kind, int | None], None]
    left: bool = False

    def tell(self, act: Act) -> None:
        if not self.left:
            act()


@dataclass
class Meter:
    """The minute of a quota, as Bedrock counts: input and cap at the start, the rest back at the end."""

    quota: Quota
    minute: int = 0
    requests: int = 0
    tokens: int = 0

    def takes(self, call: Call, now: float) -> bool:
        self._turn(now)
        requests, tokens = self.requests + 1, self.tokens + call.input_tokens + call.cap
        most = self.quota.requests_per_minute, self.quota.tokens_per_minute
        if requests > (most[0] or requests) or tokens > (most[1] or tokens):
            return False
        self.requests, self.tokens = requests, tokens
        return True

    def ended(self, call: Call, begun: float, now: float) -> None:
        self._turn(now)
        if int(begun // MINUTE) == self.minute:
            self.tokens -= call.cap - self.quota.output_burndown * call.output_tokens

    def _turn(self, now: float) -> None:
        if int(now // MINUTE) != self.minute:
            self.minute, self.requests, self.tokens = int(now // MINUTE), 0, 0


@dataclass
class Server:
    """Works on `slots` calls at once and lets the others wait; on what it began it works on, whoever has left."""

    make: Make
    agenda: Agenda
    draw: random.Random
    start: float = 0.0
    busy: int = 0
    calls: int = 0
    throttles: int = 0
    whole: int = 0
    waiting: deque[Call] = field(default_factory=deque)
    meter: Meter | None = None

    def __post_init__(self) -> None:
        self.start = self.agenda.now
        self.meter = Meter(self.make.quota) if self.make.quota else None

    def fault(self) -> Kind | None:
        """What is wrong now."""
        ran = self.agenda.now - self.start
        return next((each.kind for each in self.make.faults if each.begins <= ran < each.ends), None)

    def expected(self) -> float:
        """How long the next call would take, were all alike: what only the target itself can know."""
        fault = self.fault()
        if fault not in {None, "slow"}:
            return inf
        ahead = max(1.0, (self.busy + len(self.waiting) + 1) / self.make.slots)
        seconds = self.make.first_seconds + TYPICAL_TOKENS / self.make.tokens_a_second
        return seconds * ahead * (SLOWER if fault else 1.0)

    def ask(self, call: Call) -> None:
        self.calls += 1
        fault = self.fault()
        if fault == "refuse":
            self._fail(call, fault, SOON)
        elif fault in {"500", "429"}:
            self._fail(call, fault, LATER)
        elif fault == "garbage":
            self._fail(call, fault, self._about(self.make.first_seconds))
        elif fault != "hang":
            self._admit(call)

    def _admit(self, call: Call) -> None:
        if self.meter is not None and not self.meter.takes(call, self.agenda.now):
            self.throttles += 1
            self._fail(call, "429", LATER)
            return
        self.waiting.append(call)
        self._work()

    def _fail(self, call: Call, kind: Kind, seconds: float) -> None:
        wish = self.make.retry_after_seconds if kind == "429" else None
        self.agenda.after(seconds, lambda: call.tell(lambda: call.failed(kind, wish)))

    def _work(self) -> None:
        while self.busy < self.make.slots and self.waiting:
            self._begin(self.waiting.popleft())

    def _begin(self, call: Call) -> None:
        self.busy += 1
        fault = self.fault()
        slower = SLOWER if fault == "slow" else 1.0
        first = self._about(self.make.first_seconds) + call.input_tokens / INPUT_TOKENS_A_SECOND
        rest = self._about(call.output_tokens / self.make.tokens_a_second)
        begun = self.agenda.now
        self.agenda.after(first * slower, lambda: call.tell(call.first))
        if fault == "cut":
            cut = (first + rest * self.draw.random()) * slower
            self.agenda.after(cut, lambda: self._end(call, begun, lambda: call.failed("cut", None)))
        else:
            self.agenda.after((first + rest) * slower, lambda: self._end(call, begun, call.done))

    def _end(self, call: Call, begun: float, tell: Act) -> None:
        self.busy -= 1
        self.whole += 1
        if self.meter is not None:
            self.meter.ended(call, begun, self.agenda.now)
        call.tell(tell)
        self._work()

    def _about(self, median: float) -> float:
        return median * self.draw.lognormvariate(0.0, SIGMA)
