"""When more memory for a function stops paying: CPU as measured, its time by the share of a vCPU that memory buys.

Modelled, since no Lambda is here: CPU time is what it takes on a core of this machine, a function of so many MB has
MB / 1,769 of a core, and one thread gains nothing above one core. So more memory shortens what the processor does, and
makes each second dearer, the seconds of waiting too.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from infra.plan.counts import Asked, Counts
from infra.plan.mix import TRIP_SECONDS, speed
from infra.plan.prices import Prices

SIZES: Final = (256, 512, 768, 1_024, 1_280, 1_536, 1_769, 2_048, 3_008)
COLD_CPU_SECONDS: Final = 0.22  # as packaged: docs/benchmarks.md
KINDS: Final = ("exact_hit", "semantic_hit", "miss", "stream", "job")
WORTH: Final = 0.05  # of a turn's time: what a larger size has to save to be worth its price


class Size(Struct, frozen=True):
    """One kind of turn in a function of so much memory: its time without the model, and the price of a million."""

    kind: str
    memory_mb: int
    own_seconds: float
    seconds: float
    cold_seconds: float
    usd_per_million: float


def curve(kind: str, counts: Counts, model_seconds: float, prices: Prices) -> list[Size]:
    """A kind of turn in every size."""
    asked = counts.kinds[kind]
    waits = 0.0 if kind.endswith("hit") else model_seconds
    return [_size(kind, asked, waits, memory_mb, prices) for memory_mb in SIZES]


def knee(sizes: Sequence[Size]) -> int:
    """The least memory from which on no larger size saves `WORTH` of the turn's time."""
    for place, each in enumerate(sizes):
        if all(later.seconds > (1 - WORTH) * each.seconds for later in sizes[place + 1 :]):
            return each.memory_mb
    return sizes[-1].memory_mb


def _size(kind: str, asked: Asked, waits: float, memory_mb: int, prices: Prices) -> Size:
    own = asked.cpu_ms / 1e3 / speed(memory_mb) + asked.round_trips * TRIP_SECONDS
    price = prices.prices["lambda_gb_seconds"]
    usd = (own + waits) * memory_mb / 1_024 * price.usd / price.per * 1e6
    return Size(kind, memory_mb, own, own + waits, COLD_CPU_SECONDS / speed(memory_mb), usd)
