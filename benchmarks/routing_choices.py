"""Ways to choose between targets: the product's own, and those that it is compared with, over the same breakers."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

from benchmarks.routing_servers import Server
from chalicelib.domain.routing import Need
from chalicelib.pipeline.routing.pool import Pool, Watched
from chalicelib.ports import Targets


class Plain(Pool):
    """A pool that probes as the product does, and chooses otherwise."""

    __slots__ = ()

    def _picked(self, ready: Sequence[Watched], need: Need, now: float) -> Watched:  # noqa: ARG002
        daring = [each for each in ready if not each.breaker.probing or self._dares(each)] or ready
        lowest = min(each.target.tier for each in daring)
        tier = [each for each in daring if each.target.tier == lowest]
        probes = [each for each in tier if each.breaker.probing]
        return probes[0] if probes else self._chosen(tier)

    def _chosen(self, tier: Sequence[Watched]) -> Watched:
        raise NotImplementedError


class Random(Plain):
    """Any of them."""

    __slots__ = ()

    def _chosen(self, tier: Sequence[Watched]) -> Watched:
        return tier[int(self.random() * len(tier))]


class LeastConnections(Plain):
    """The one with the fewest calls of this process under way."""

    __slots__ = ()

    def _chosen(self, tier: Sequence[Watched]) -> Watched:
        fewest = min(each.in_flight for each in tier)
        least = [each for each in tier if each.in_flight == fewest]
        return least[int(self.random() * len(least))]


class RoundRobin(Plain):
    """One after the other; each process begins somewhere else."""

    __slots__ = ("_turns",)

    def __init__(self, shared: Targets, draw: Callable[[], float]) -> None:
        super().__init__(shared, draw)
        self._turns = count(int(draw() * 1_000))

    def _chosen(self, tier: Sequence[Watched]) -> Watched:
        return tier[next(self._turns) % len(tier)]


class Knowing(Plain):
    """What nobody can do: it sees into the targets. What is above it cannot be had by choosing."""

    __slots__ = ("_servers",)

    def __init__(self, shared: Targets, draw: Callable[[], float], servers: Sequence[Server]) -> None:
        super().__init__(shared, draw)
        self._servers = servers

    def _chosen(self, tier: Sequence[Watched]) -> Watched:
        return min(tier, key=self._seconds)

    def _seconds(self, each: Watched) -> float:
        return self._servers[int(each.target.uri.rpartition("/")[2])].expected()


Maker = Callable[[Targets, Callable[[], float], Sequence[Server]], Pool]


@dataclass(frozen=True)
class Choice:
    """A way to choose; `bare` makes one attempt and leaves nobody alone."""

    name: str
    make: Maker
    bare: bool = False

    def pool(self, shared: Targets, draw: random.Random, servers: Sequence[Server]) -> Pool:
        return self.make(shared, draw.random, servers)


OWN = Choice("tidegate", lambda shared, draw, _: Pool(shared, draw))
CHOICES = (
    OWN,
    Choice("round robin", lambda shared, draw, _: RoundRobin(shared, draw)),
    Choice("random", lambda shared, draw, _: Random(shared, draw)),
    Choice("least connections", lambda shared, draw, _: LeastConnections(shared, draw)),
    Choice("round robin, bare", lambda shared, draw, _: RoundRobin(shared, draw), bare=True),
    Choice("least connections, bare", lambda shared, draw, _: LeastConnections(shared, draw), bare=True),
    Choice("all-knowing", Knowing),
)
