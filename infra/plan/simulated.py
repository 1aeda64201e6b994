"""The day of a load, played in virtual time: all of it where it is small, else hours of it by a sample of the tenants.

A sample is every k-th tenant with a k-th of the model's quota. Arrivals of the sample are as those of the whole in all
but their number, and less work varies more against its mean: what a sample waits is no less than what the whole
would. Counts are multiplied by k; waits and shares are not. A day is sampled by the hours that differ: the quietest,
a mean one, the busiest of the curve, and the burst with what it leaves behind.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from math import ceil
from typing import Final

from msgspec import Struct

from chalicelib.domain.catalogue import Quota
from chalicelib.domain.concurrency import FEWEST
from infra.plan.counts import Counts
from infra.plan.day import BURSTS, HEIGHT, HOUR, Day
from infra.plan.load import DAY, Load
from infra.plan.metered import Sample
from infra.plan.mix import CHAT, TRIP_SECONDS, speed
from infra.plan.needs import Needs
from infra.plan.prices import Pace
from infra.plan.quotas import ROOM
from infra.plan.town import Tally, Town
from infra.stages import STAGES

MIDNIGHT: Final = 1_780_012_800.0
TURNS: Final = 5_000  # of a slice
AT_ONCE: Final = 800  # each has a thread
TENANTS: Final = 200
SLICE_SECONDS: Final = 600.0
AFTER_SECONDS: Final = 240.0  # what is watched of a burst's end
WARM_SECONDS: Final = 180.0
SETTLE_SECONDS: Final = 180.0  # after which what is not answered yet is not waited for
STEPS: Final = 120  # points of a series
Tell = Callable[[float], None]


class Slice(Struct, frozen=True):
    """A part of the day: from a second of it on; of `parts` tenants one is played."""

    name: str
    begins: float
    seconds: float
    parts: int


class Played(Struct, frozen=True):
    """What a slice was like. Numbers of turns, processes and jobs are those of the whole; seconds are the sample's."""

    slice: Slice
    sampled: int
    turns: int
    ends: dict[str, float]
    wait_p50: float
    wait_p99: float
    throttles: float
    concurrency: dict[str, int]
    started: int
    in_hand: float
    most_waiting: int
    series: list[tuple[float, float, float, float]]


def slices(day: Day, needs: Needs, quota: int | None = None) -> list[Slice]:
    """The whole day where it has few turns, else the hours that differ; smaller ones where a quota is too small.

    What a model cannot take is tried again and again: each turn is then many.
    """
    most = TURNS if quota is None or quota >= needs.model_tokens else TURNS // 5
    turns = sum(day.hours()) * HOUR + len(BURSTS) * day.burst_seconds * day.peak
    seconds = sum(needs.mix.seconds.values())
    if turns <= most and day.peak * seconds <= AT_ONCE:
        return [Slice("the whole day", 0.0, float(DAY), 1)]
    lowest = (HEIGHT + DAY / 2) % DAY
    found = [
        _slice("the quietest minutes", lowest, day.curve(lowest), seconds, most=most),
        _slice("mean minutes", HEIGHT - DAY / 4, day.base, seconds, most=most),
        _slice("the busiest minutes", HEIGHT + HOUR / 2, day.busiest, seconds, most=most),
    ]
    if day.burst_seconds:
        turns = day.burst_seconds * day.peak + AFTER_SECONDS * day.busiest
        whole = day.burst_seconds + AFTER_SECONDS
        parts = max(ceil(turns / most), ceil(day.peak * seconds / AT_ONCE))
        found.append(Slice("a burst and after", float(HEIGHT), whole, parts))
    return found


def _slice(name: str, begins: float, rate: float, seconds: float, *, most: int) -> Slice:
    return Slice(name, begins, SLICE_SECONDS, max(1, ceil(rate * SLICE_SECONDS / most), ceil(rate * seconds / AT_ONCE)))


def sample_of(load: Load, needs: Needs, pace: Pace, counts: Counts, parts: int) -> Sample:
    """One part of a load: the model's quota is what the account has, or what the plan says to ask for."""
    mix, hit = needs.mix, counts.kinds["exact_hit"]
    stage = STAGES[needs.stage]
    size = speed(stage.functions[CHAT].memory_mb)
    quota = load.quota or ceil(needs.model_tokens * ROOM)
    tokens = max(load.input_tokens + needs.cap, quota // parts) if quota else None  # one call fits, or nobody calls
    return Sample(
        quota=Quota(tokens_per_minute=tokens, output_burndown=pace.burndown),
        pace=pace,
        input_tokens=load.input_tokens,
        output_tokens=load.output_tokens,
        cap=needs.cap,
        hits=mix.parts.exact + mix.parts.semantic,
        streamed=load.streamed,
        later=load.later,
        own_seconds=hit.cpu_ms / 1e3 / size + hit.round_trips * TRIP_SECONDS,
        workers=max(FEWEST, stage.workers // parts),
    )


def play(part: Slice, day: Day, sample: Sample, *, tenants: int, seed: int, tell: Tell) -> Played:
    """One slice."""
    start = MIDNIGHT + part.begins
    town = Town(seed, start - WARM_SECONDS, sample)
    draw = random.Random(seed)  # noqa: S311 - seeded, so that a day can be played again
    keys = [town.key(f"tenant-{each}") for each in range(max(1, min(TENANTS, tenants // part.parts)))]
    for number, key in enumerate(keys):
        town.stage.after(draw.uniform(0, WARM_SECONDS / 2), partial(town.warm, key, 10**9 + number))
    numbers = iter(range(10**9))
    end = start + part.seconds
    highest = day.peak if any(begins < part.begins + part.seconds for begins in _bursts(part, day)) else day.busiest

    def arrive() -> None:
        now = town.stage.now
        tell(min(1.0, max(0.0, (now - start) / part.seconds)))
        wait = draw.expovariate(highest / part.parts)  # thinned below: the rate changes meanwhile
        if now + wait < end:
            town.stage.agenda.after(wait, arrive)
        if now >= start and draw.random() < day.rate((now - MIDNIGHT) % DAY) / highest:
            town.stage.after(0.0, partial(town.arrive, draw.choice(keys), next(numbers)))

    town.stage.agenda.after(WARM_SECONDS, arrive)
    town.stage.agenda.after(WARM_SECONDS, lambda: town.look(part.seconds / STEPS, end))
    town.stage.until = end + SETTLE_SECONDS
    town.sweep(town.stage.until)
    town.stage.run()
    tell(1.0)
    return _told(part, town.tally, town.model.throttles, next(numbers))  # type: ignore[attr-defined]


def _bursts(part: Slice, day: Day) -> list[float]:
    """When bursts begin that end within the slice, or after it."""
    return [begins for begins in BURSTS if day.burst_seconds and begins + day.burst_seconds > part.begins]


def _told(part: Slice, tally: Tally, throttles: int, sampled: int) -> Played:
    took = sorted(tally.took) or [0.0]
    ended = max(1, sampled)
    if sampled > sum(tally.ends.values()):
        tally.ends["not yet"] = sampled - sum(tally.ends.values())
    most = {name: _most(tally, name) * part.parts for name in sorted({each[2] for each in tally.busy})}
    return Played(
        slice=part,
        sampled=sampled,
        turns=sampled * part.parts,
        ends={name: number / ended for name, number in sorted(tally.ends.items())},
        wait_p50=took[len(took) // 2],
        wait_p99=took[min(len(took) - 1, int(0.99 * len(took)))],
        throttles=throttles / ended,
        concurrency=most,
        started=sum(tally.started.values()) * part.parts,
        in_hand=sum(tally.batches) / max(1, len(tally.batches)),
        most_waiting=max((number for _, number in tally.waiting), default=0) * part.parts,
        series=_series(part, tally),
    )


def _most(tally: Tally, function: str) -> int:
    running = most = 0
    for _, change, name in tally.busy:
        running += change if name == function else 0
        most = max(most, running)
    return most


def _series(part: Slice, tally: Tally) -> list[tuple[float, float, float, float]]:
    """By time: turns that came a second, functions that ran, messages that waited; of the whole."""
    start, step = MIDNIGHT + part.begins, part.seconds / STEPS
    came, running = [0.0] * STEPS, [0.0] * STEPS
    now = 0
    for at, change, name in tally.busy:
        place = int((at - start) // step)
        now += change
        if 0 <= place < STEPS:
            came[place] += max(0, change) if name != "work" else 0
            running[place] = max(running[place], now)
    waiting = dict.fromkeys(range(STEPS), 0.0)
    waiting.update({int((at - start) / step + 0.5): float(number) for at, number in tally.waiting})
    return [
        (place * step, came[place] / step * part.parts, running[place] * part.parts, waiting[place] * part.parts)
        for place in range(STEPS)
    ]


def played(plays: Sequence[Played]) -> int:
    """How many turns were really played."""
    return sum(each.sampled for each in plays)
