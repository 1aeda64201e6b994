"""What is measured of each gateway: kinds of requests at numbers of connections, in rounds that alternate."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from statistics import median
from typing import Final

from benchmarks.figures import Figures, Row, quantile, rounded, spread
from benchmarks.load import HIT, MISS, Caller, Kind, encoded, fresh, offer
from benchmarks.peers.gateways import FLOOR, Gateway
from benchmarks.peers.upstream import CHUNKS, PIECE
from benchmarks.processes import cpu_seconds

CONNECTIONS: Final = (1, 8, 32)
RATE: Final = 20.0
"""Requests a second that the slowest of them bears with ease."""
YARDSTICK: Final = "litellm"
_AT_RATE: Final = 8
_QUESTION: Final = "What is wave number {}?".format


@dataclass(frozen=True)
class Plan:
    """How often every cell is measured and for how long, and what shuffles them."""

    rounds: int
    seconds: float
    seed: int


@dataclass(frozen=True)
class Cell:
    """One kind of request to one gateway, from so many connections, at a rate or as fast as it goes."""

    gateway: Gateway
    kind: Kind
    connections: int
    rate: float | None = None

    @property
    def stream(self) -> bool:
        return bool(self.kind.holds)

    def round(self, seconds: float) -> Row:
        """Ask for so long, and say what that took."""
        callers = [Caller(self.gateway.port, self.gateway.headers) for _ in range(self.connections)]
        pids = self.gateway.pids
        before, apart, mine = _cpu(pids), _cpu(self._apart), time.process_time()
        outcome = offer(self.kind, callers, seconds, self.rate)
        mine = time.process_time() - mine
        for caller in callers:
            caller.close()
        answers, lasted = len(outcome.seconds), outcome.ended - outcome.began
        return {
            "cpu_ms": (_cpu(pids) - before) * 1e3 / answers,
            "emulator_cpu_ms": (_cpu(self._apart) - apart) * 1e3 / answers,
            "requests_per_second": answers / lasted,
            "generator_cores": mine / lasted,
            "asked": 0 if self.kind.says == HIT else answers,
            "p50_ms": quantile(outcome.seconds, 0.5) * 1e3,
            "p99_ms": quantile(outcome.seconds, 0.99) * 1e3,
        }

    @property
    def _apart(self) -> set[int]:
        return {self.gateway.apart} if self.gateway.apart else set()


def cells(direct: Gateway, gateways: list[Gateway]) -> list[Cell]:
    """Every kind for every gateway that has it, at every number of connections and at the rate."""
    found = []
    for gateway in (direct, *gateways):
        for kind in _kinds(gateway):
            found += [Cell(gateway, kind, connections) for connections in CONNECTIONS]
            found.append(Cell(gateway, kind, _AT_RATE, RATE))
    return found


def measure(cells: list[Cell], plan: Plan, answered: Callable[[], int], figures: Figures) -> None:
    """Every cell once a round, each round in another order; a ratio is the median of the rounds' own."""
    order = random.Random(plan.seed)
    taken: dict[Cell, list[Row]] = {cell: [] for cell in cells}
    before = answered()
    for _ in range(plan.rounds):
        for cell in order.sample(cells, len(cells)):
            taken[cell].append(cell.round(plan.seconds))
    asked = sum(row.pop("asked") for rows in taken.values() for row in rows)
    assert answered() - before == asked, "not every request reached the model once"
    beside = {(cell.stream, cell.connections, cell.rate): got for cell, got in taken.items() if _is(cell, YARDSTICK)}
    bare = {(cell.stream, cell.connections, cell.rate): got for cell, got in taken.items() if _is(cell, "no gateway")}
    for cell, got in taken.items():
        place = (cell.stream, cell.connections, cell.rate)
        figures.add(
            "peers",
            gateway=cell.gateway.name,
            request=cell.kind.name,
            connections=cell.connections,
            rate=cell.rate,
            rounds=plan.rounds,
            **{name: spread([row[name] for row in got]) for name in got[0] if name != "generator_cores"},
            generator_cores=rounded(max(row["generator_cores"] for row in got)),
            x_litellm=_ratio(got, beside[place], "cpu_ms"),
            added_p50_ms=_added(got, bare[place], "p50_ms"),
            added_p99_ms=_added(got, bare[place], "p99_ms"),
        )


def warm(cells: list[Cell]) -> None:
    """Every connection and thread exists; what is to be hit is in the cache."""
    for cell in cells:
        if cell.kind.says == HIT:
            filling = Caller(cell.gateway.port, cell.gateway.headers)
            filling.ask(Kind("warm", cell.kind.body, MISS))
            filling.close()
            break
    for cell in cells:
        cell.round(0.3)


def _kinds(gateway: Gateway) -> Iterator[Kind]:
    says = MISS if gateway.name == "tidegate" else b""
    yield Kind("whole", fresh(_QUESTION), says)
    if gateway.name != FLOOR:
        yield Kind("stream", fresh(_QUESTION, stream=True), says, PIECE.encode(), CHUNKS)
    if gateway.name == "tidegate":
        yield Kind("exact hit", lambda: encoded("What is a spring tide?"), HIT)
        place = cycle(gateway.conversations)

        def going_on() -> bytes:
            return fresh(_QUESTION, conversation=next(place))()

        yield Kind("whole, in a conversation", going_on, MISS)


def _is(cell: Cell, name: str) -> bool:
    return cell.gateway.name == name and cell.kind.name in {"whole", "stream"}


def _ratio(got: list[Row], beside: list[Row], name: str) -> float:
    return rounded(median(one[name] / other[name] for one, other in zip(got, beside, strict=True)))


def _added(got: list[Row], bare: list[Row], name: str) -> float:
    return rounded(median(one[name] - other[name] for one, other in zip(got, bare, strict=True)))


def _cpu(pids: set[int]) -> float:
    return sum(map(cpu_seconds, pids))
