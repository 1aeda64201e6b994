"""What the server of `make run` does for callers over HTTP, and what that costs it and the emulator apart."""

import random
import time
from collections import defaultdict
from typing import Final

from benchmarks.figures import Figures, Row, quantile, rounded, spread
from benchmarks.load import KINDS, MISS, Caller, Kind, offer
from benchmarks.processes import cpu_seconds, resident_mb
from benchmarks.product import Product

CONNECTIONS: Final = (1, 8, 32)
ROUNDS: Final = 3
SECONDS: Final = 2.0


class Cell:
    """One kind of request at one number of connections, over the rounds."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.seconds: list[float] = []
        self.cpu_ms: dict[str, list[float]] = defaultdict(list)
        self.generator: list[float] = []

    def measure(self, kind: Kind, connections: int, product: Product) -> None:
        """One round."""
        callers = [Caller(product.port, product.headers) for _ in range(connections)]
        pids = {"api": product.api, "emulator": product.emulator}
        before, mine = {name: cpu_seconds(pid) for name, pid in pids.items()}, time.process_time()
        outcome = offer(kind, callers, SECONDS)
        mine = time.process_time() - mine
        answers, lasted = len(outcome.seconds), outcome.ended - outcome.began
        for name, pid in pids.items():
            self.cpu_ms[name].append((cpu_seconds(pid) - before[name]) * 1e3 / answers)
        self.rates.append(answers / lasted)
        self.generator.append(mine / lasted)
        self.seconds += outcome.seconds
        for caller in callers:
            caller.close()

    def row(self) -> Row:
        return {
            "requests": len(self.seconds),
            "requests_per_second": spread(self.rates),
            "p50_ms": rounded(quantile(self.seconds, 0.5) * 1e3),
            "p99_ms": rounded(quantile(self.seconds, 0.99) * 1e3),
            "api_cpu_ms": spread(self.cpu_ms["api"]),
            "emulator_cpu_ms": spread(self.cpu_ms["emulator"]),
            "generator_cores": rounded(max(self.generator)),
        }


def measure(product: Product, seed: int, figures: Figures) -> None:
    """Every cell once a round, in an order that is shuffled anew for each."""
    order = random.Random(seed)
    cells = {(kind, connections): Cell() for kind in KINDS for connections in CONNECTIONS}
    _warm(product)
    figures.add("memory", when="before load", api_mb=resident_mb(product.api))
    for _ in range(ROUNDS):
        for kind, connections in order.sample(list(cells), len(cells)):
            cells[kind, connections].measure(kind, connections, product)
    for (kind, connections), cell in cells.items():
        figures.add("http", turn=kind.name, connections=connections, rounds=ROUNDS, **cell.row())
    figures.add("memory", when="after load", api_mb=resident_mb(product.api), emulator_mb=resident_mb(product.emulator))


def _warm(product: Product) -> None:
    """Every thread and connection that the load needs exists; the hit is in the cache."""
    hit, miss, stream = KINDS
    caller = Caller(product.port, product.headers)
    caller.ask(Kind("warm", hit.body, MISS))
    caller.close()
    for kind in (hit, miss, stream):
        callers = [Caller(product.port, product.headers) for _ in range(max(CONNECTIONS))]
        offer(kind, callers, 0.5)
        for each in callers:
            each.close()
