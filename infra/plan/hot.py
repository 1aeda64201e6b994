"""Items of DynamoDB that everybody meets at: what one of them takes bounds a load, whatever the partitions."""

from math import ceil, log2
from typing import Final

from msgspec import Struct

from chalicelib.adapters.dynamodb.table import LEASE_SHARDS
from chalicelib.domain.allowance import MOST_CALLS
from chalicelib.domain.budget import MOST_SHARDS
from chalicelib.pipeline.routing.pool import HEARD_SECONDS
from infra.plan.load import Load
from infra.plan.needs import PARTITION_READS, PARTITION_WRITES, Needs

PLANS_SECONDS: Final = 30  # for which a process keeps the plans
CALM: Final = 0.5  # of an item's writes: above, transactions that meet on it cancel each other too often
JOB_STEPS: Final = 3  # writes of a job to its line
STEP: Final = 2  # units of a write in a transaction


class Hot(Struct, frozen=True):
    """One item, its units a second at the peak, what it takes, and what to do where that is too much."""

    item: str
    units: float
    takes: float
    do: str

    @property
    def fits(self) -> bool:
        return self.units <= self.takes


def hot_items(load: Load, needs: Needs) -> list[Hot]:
    """Each of them, the fullest first."""
    found = [*_counters(load, needs), *_shared(load, needs)]
    return sorted(found, key=lambda each: each.units / each.takes, reverse=True)


def shards_for(load: Load, needs: Needs) -> int:
    """`shards` of the plan of the largest tenant: 0 where one counter does."""
    wanted = ceil(_tenant_writes(load, needs) / (PARTITION_WRITES * CALM))
    return 0 if wanted <= 1 else min(MOST_SHARDS, wanted)


def _tenant_writes(load: Load, needs: Needs) -> float:
    parts = needs.mix.parts
    return load.largest_peak * STEP * (parts.exact + parts.semantic + 2 * parts.missed)


def _counters(load: Load, needs: Needs) -> list[Hot]:
    shards = shards_for(load, needs)
    spread = max(1, shards)
    takes = PARTITION_WRITES * CALM * spread
    most = f"at {MOST_SHARDS} shards: divide the tenant into {ceil(_tenant_writes(load, needs) / takes)}"
    do = f"`shards: {shards}` in its plan" if _tenant_writes(load, needs) <= takes else most
    line = load.largest_peak * needs.mix.parts.later * JOB_STEPS
    return [
        Hot(
            f"counter of the largest tenant, {spread} item{'s' * (spread > 1)}", _tenant_writes(load, needs), takes, do
        ),
        Hot("record of the largest tenant", load.largest_peak, PARTITION_READS, "divide the tenant"),
        Hot("line of the largest tenant", line, PARTITION_WRITES, "divide the tenant, or ask for fewer jobs"),
    ]


def _shared(load: Load, needs: Needs) -> list[Hot]:
    """What all tenants meet at."""
    processes = sum(needs.concurrency.values())
    leases = load.peak * needs.mix.parts.missed * 2
    calls = 60 / max(1.0, needs.mix.model_seconds)
    blocks = processes * (1 + log2(max(1.0, min(calls, MOST_CALLS)))) / 60
    readers = min(load.peak, processes / HEARD_SECONDS)
    return [
        Hot("index open-leases", leases, PARTITION_WRITES * len(LEASE_SHARDS), "more LEASE_SHARDS in table.py"),
        Hot("breaker of a target", readers, PARTITION_READS, "more than HEARD_SECONDS between two reads"),
        Hot("quota of a target, where it is stated", blocks, PARTITION_WRITES, "several targets, each with its part"),
        Hot("the plans", processes / PLANS_SECONDS, PARTITION_READS, "fewer and smaller plans"),
    ]
