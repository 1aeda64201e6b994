"""What it costs to wait for a model, three ways: in functions on demand, on managed instances, in the line.

A function on demand is billed while it waits, for its whole memory, one turn at a time. A managed instance has 16 turns
on each processor and is billed by the hour, at night too. A worker of the line has up to ten jobs in hand, and its
caller asks for the answer later. All three are compared for the turns that a model answers; what is the same in all
of them, the way in through API Gateway and what a miss asks of DynamoDB, is left out.
"""

from collections.abc import Callable, Mapping
from math import ceil
from typing import Final, Literal

from msgspec import Struct

from chalicelib.domain.concurrency import MESSAGES, START
from infra.plan.counts import Counts
from infra.plan.day import BURSTS, Day
from infra.plan.load import DAY
from infra.plan.mix import SLOWEST_OF_TEN, TRIP_SECONDS, speed
from infra.plan.prices import DAYS, Prices

Way = Literal["on demand", "managed instances", "line"]
WAYS: Final[tuple[Way, ...]] = ("on demand", "managed instances", "line")
VCPUS: Final = 4  # of a c7g.xlarge
TURNS_OF_A_VCPU: Final = 16  # Python's default on managed instances
FILLED: Final = 0.8
BUSY: Final = 0.6  # of a processor, at most
LEAST: Final = 3  # instances: one in each zone, at night too
DOUBLING: Final = 2  # what the fleet takes in the five minutes that it needs to grow
MONTH: Final = DAY * DAYS
LOWEST, HIGHEST = 1e-4, 1e4  # turns a second on average, between which a crossing is looked for


class Job(Struct, frozen=True):
    """One turn that a model answers: the seconds it waits, the CPU it takes, and the memory of its function."""

    model_seconds: float
    cpu_ms: float
    round_trips: float
    memory_mb: int
    job_cpu_ms: float
    job_reads: float
    job_writes: float
    fetch_cpu_ms: float

    @property
    def gb(self) -> float:
        return self.memory_mb / 1_024

    def busy(self, cpu_ms: float) -> float:
        """Seconds that so much CPU takes in a function of this memory."""
        return cpu_ms / 1e3 / speed(self.memory_mb)


class Crossing(Struct, frozen=True):
    """From how many turns a second on average `cheaper` costs less than `than`; None: never, below 10,000."""

    cheaper: Way
    than: Way
    turns: float | None


def job_of(counts: Counts, model_seconds: float, memory_mb: int) -> Job:
    """The measured kinds in a function of so much memory."""
    miss, job, hit = counts.kinds["miss"], counts.kinds["job"], counts.kinds["exact_hit"]
    return Job(
        model_seconds=model_seconds,
        cpu_ms=miss.cpu_ms,
        round_trips=miss.round_trips,
        memory_mb=memory_mb,
        job_cpu_ms=job.cpu_ms,
        job_reads=job.reads - miss.reads,
        job_writes=job.writes - miss.writes,
        fetch_cpu_ms=hit.cpu_ms,
    )


def monthly(job: Job, day: Day, prices: Prices) -> dict[Way, float]:
    """USD a month of each way, before anything is free."""
    return {way: cost(job, day, prices) for way, cost in COSTS.items()}


def crossings(job: Job, day: Day, prices: Prices) -> list[Crossing]:
    """Where each way becomes cheaper than another, for days of the same shape."""
    mean = turns_a_day(day) / DAY

    def found(cheaper: Way, than: Way) -> Crossing:
        def pays(turns: float) -> bool:
            costs = monthly(job, day.times(turns / mean), prices)
            return costs[cheaper] < costs[than]

        return Crossing(cheaper, than, _lowest(pays))

    return [found("managed instances", "on demand"), found("line", "on demand"), found("managed instances", "line")]


def fleet(job: Job, day: Day) -> list[int]:
    """Instances in each hour."""
    seconds = job.model_seconds + job.cpu_ms / 1e3 + job.round_trips * TRIP_SECONDS
    slots = VCPUS * TURNS_OF_A_VCPU * FILLED
    bearable = min(slots / seconds, VCPUS * BUSY / (job.cpu_ms / 1e3))  # turns a second of one
    ready = ceil(day.peak / DOUBLING / bearable) if day.burst_seconds else 0
    return [max(LEAST, ready, ceil(rate / bearable)) for rate in day.hours()]


def _on_demand(job: Job, day: Day, prices: Prices) -> float:
    turns = turns_a_day(day) * DAYS
    seconds = job.model_seconds + job.busy(job.cpu_ms) + job.round_trips * TRIP_SECONDS
    return _paid(prices, {"lambda_requests": turns, "lambda_gb_seconds": turns * seconds * job.gb})


def _managed(job: Job, day: Day, prices: Prices) -> float:
    hours = sum(fleet(job, day)) * DAYS
    fee = 1 + prices.prices["lambda_managed_fee"].usd
    return _paid(prices, {"lambda_requests": turns_a_day(day) * DAYS, "lambda_managed_hours": hours * fee})


def _line(job: Job, day: Day, prices: Prices) -> float:
    """Joining, the line's own writes, the queue's requests, a part of a worker, and one call for the answer."""
    turns = turns_a_day(day) * DAYS
    in_hand = min(float(MESSAGES), max(1.0, turns_a_day(day) / DAY * job.model_seconds / START))
    stretch = 1 + (SLOWEST_OF_TEN - 1) * (in_hand - 1) / (MESSAGES - 1)
    work = job.model_seconds * stretch / in_hand + job.busy(job.job_cpu_ms) + job.round_trips * TRIP_SECONDS
    calls = 2 * (job.busy(job.fetch_cpu_ms) + 2 * TRIP_SECONDS)  # one that joins, one that fetches
    units = {
        "lambda_requests": turns * (2 + 1 / in_hand),
        "lambda_gb_seconds": turns * (work + calls) * job.gb,
        "dynamodb_reads": turns * job.job_reads,
        "dynamodb_writes": turns * job.job_writes,
        "sqs_requests": turns * (1 + 2 / in_hand) + POLLS,
        "rest_requests": turns,
    }
    return _paid(prices, units)


POLLS: Final = START * 3 * 60 * 24 * DAYS  # of an empty queue: five pollers, 20 s each
COSTS: Final[Mapping[Way, Callable[[Job, Day, Prices], float]]] = {
    "on demand": _on_demand,
    "managed instances": _managed,
    "line": _line,
}


def turns_a_day(day: Day) -> float:
    """Turns of a day, its bursts included."""
    bursts = len(BURSTS) * day.burst_seconds
    return day.base * (DAY - bursts) + bursts * day.peak


def _paid(prices: Prices, units: Mapping[str, float]) -> float:
    return sum(amount * prices.prices[name].usd / prices.prices[name].per for name, amount in units.items())


def _lowest(pays: Callable[[float], bool]) -> float | None:
    """The least load from which on it pays, to 1 %; None where it does not at the greatest."""
    if not pays(HIGHEST):
        return None
    low, high = LOWEST, HIGHEST
    while high / low > 1.01:  # noqa: PLR2004 - to 1 %
        middle = (low * high) ** 0.5
        low, high = (low, middle) if pays(middle) else (middle, high)
    return high
