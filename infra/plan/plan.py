"""The whole plan of a load: one value, which the text, the page, the plots and the JSON are made of."""

from collections.abc import Mapping

from msgspec import Struct

from infra.plan import waiting
from infra.plan.cost import Bill, bill
from infra.plan.counts import Counts
from infra.plan.day import Day, day_of
from infra.plan.hot import Hot, hot_items, shards_for
from infra.plan.load import Load, model_of
from infra.plan.memory import KINDS, Size, curve, knee
from infra.plan.mix import CHAT
from infra.plan.needs import Needs, needed
from infra.plan.prices import Prices
from infra.plan.quotas import Demand, demands
from infra.plan.simulated import Played
from infra.stages import STAGES


class Waiting(Struct, frozen=True):
    """USD a month of each way to wait, from where each is cheaper, and instances by hour."""

    usd: Mapping[waiting.Way, float]
    crossings: list[waiting.Crossing]
    instances: list[int]


class Plan(Struct, frozen=True):
    """What is needed, what it costs, and what the day was like where it was played."""

    load: Load
    day: Day
    needs: Needs
    hot: list[Hot]
    shards: int
    quotas: list[Demand]
    bill: Bill
    waiting: Waiting
    memory: Mapping[str, list[Size]]
    knees: Mapping[str, int]
    measured_at: str
    measured_by: str
    played: list[Played] = []


def planned(load: Load, counts: Counts, prices: Prices) -> Plan:
    """The plan of a checked load, nothing simulated yet."""
    pace, model, day = prices.paces[load.model], model_of(load), day_of(load)
    needs = needed(load, counts, pace, model)
    memory = {kind: curve(kind, counts, needs.mix.model_seconds, prices) for kind in KINDS}
    return Plan(
        load=load,
        day=day,
        needs=needs,
        hot=hot_items(load, needs),
        shards=shards_for(load, needs),
        quotas=demands(load, needs, STAGES[needs.stage], prices),
        bill=bill(load, needs, prices, model),
        waiting=_waiting(day, needs, counts, prices),
        memory=memory,
        knees={kind: knee(sizes) for kind, sizes in memory.items()},
        measured_at=counts.measured_at,
        measured_by=counts.command,
    )


def waits(day: Day, needs: Needs, counts: Counts) -> tuple[waiting.Job, Day]:
    """The turns that wait for a model, and their day."""
    memory_mb = STAGES[needs.stage].functions[CHAT].memory_mb
    return waiting.job_of(counts, needs.mix.model_seconds, memory_mb), day.times(needs.mix.parts.missed)


def _waiting(day: Day, needs: Needs, counts: Counts, prices: Prices) -> Waiting:
    job, missed = waits(day, needs, counts)
    if not needs.mix.parts.missed:
        return Waiting(dict.fromkeys(waiting.WAYS, 0.0), [], [0])
    return Waiting(
        waiting.monthly(job, missed, prices),
        waiting.crossings(job, missed, prices),
        waiting.fleet(job, missed),
    )
