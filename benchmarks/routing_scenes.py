"""What happens to a model's targets: how many there are, how unlike they are, who calls, and what breaks when."""

import random
from dataclasses import dataclass, replace
from math import exp
from typing import Final

from benchmarks.routing_crowd import Job
from benchmarks.routing_servers import INPUT_TOKENS_A_SECOND, SIGMA, Fault, Make
from chalicelib.domain.catalogue import Quota

SPREAD: Final = 0.8  # of the logarithm of sizes
INPUT_TOKENS: Final = 800
OUTPUT_TOKENS: Final = 150
CAP: Final = 1_024
MEAN: Final = exp(SPREAD**2 / 2)  # over the median


@dataclass(frozen=True)
class Scene:
    """Targets, and the share of their joint capacity that is asked for until each second."""

    name: str
    makes: tuple[Make, ...]
    load: tuple[tuple[float, float], ...]

    @property
    def seconds(self) -> float:
        return self.load[-1][0]

    @property
    def capacity(self) -> float:
        """Turns a second that the targets can bear while nothing is broken."""
        return sum(map(capacity, self.makes))

    def share(self, second: float) -> float:
        return next((share for until, share in self.load if second < until), 0.0)


def capacity(make: Make) -> float:
    """Turns a second of one target: by its slots, or by its quota where that is less."""
    noise = exp(SIGMA**2 / 2)
    tokens = INPUT_TOKENS * MEAN / INPUT_TOKENS_A_SECOND
    seconds = make.first_seconds * noise + tokens + OUTPUT_TOKENS * MEAN / make.tokens_a_second * noise
    most = make.slots / seconds
    if make.quota is not None and make.quota.requests_per_minute is not None:
        most = min(most, make.quota.requests_per_minute / 60)
    if make.quota is not None and make.quota.tokens_per_minute is not None:
        burned = INPUT_TOKENS * MEAN + OUTPUT_TOKENS * MEAN * make.quota.output_burndown
        most = min(most, make.quota.tokens_per_minute / burned / 60)
    return most


def job(draw: random.Random) -> Job:
    """One caller's turn; a half of them is streamed."""
    inputs = min(6_000, int(INPUT_TOKENS * draw.lognormvariate(0.0, SPREAD)))
    output = min(CAP, 1 + int(OUTPUT_TOKENS * draw.lognormvariate(0.0, SPREAD)))
    return Job(inputs, output, CAP, streamed=draw.random() < 0.5)  # noqa: PLR2004 - a half


def alike(count: int) -> tuple[Make, ...]:
    return (Make(),) * count


def unlike(count: int) -> tuple[Make, ...]:
    """From twice as fast to four times as slow, and of different sizes."""
    speeds = [0.5 * 8.0 ** (place / (count - 1)) for place in range(count)]
    return tuple(
        Make(first_seconds=0.4 * speed, tokens_a_second=60 / speed, slots=(8, 12, 24)[place % 3])
        for place, speed in enumerate(speeds)
    )


def broken(kind: str, makes: tuple[Make, ...], begins: float = 30.0, ends: float = 90.0) -> tuple[Make, ...]:
    """The first of them is broken for a time."""
    first, *rest = makes
    return (replace(first, faults=(Fault(kind, begins, ends),)), *rest)  # type: ignore[arg-type]


def quotas(count: int, *, stated: bool = True) -> tuple[Make, ...]:
    """Targets whose quotas end before their slots do."""
    sizes = [Quota(20 * (1 + place % 3), 60_000 * (1 + place % 3), 1) for place in range(count)]
    return tuple(
        Make(quota=size, retry_after_seconds=5 if place % 2 else None, stated=stated)
        for place, size in enumerate(sizes)
    )


STEADY: Final = ((120.0, 0.6),)
SCENES: Final = (
    Scene("3 alike", alike(3), STEADY),
    Scene("10 unlike", unlike(10), STEADY),
    Scene("30 unlike", unlike(30), ((60.0, 0.6),)),
    Scene("bursts", unlike(5), ((30.0, 0.4), (35.0, 2.0), (65.0, 0.4), (70.0, 2.0), (120.0, 0.4))),
    Scene("quotas stated", quotas(6), ((180.0, 0.8),)),
    Scene("quotas not stated", quotas(6, stated=False), ((180.0, 0.8),)),
    Scene("quotas stated, twice the load", quotas(6), ((180.0, 2.0),)),
    Scene("quotas not stated, twice the load", quotas(6, stated=False), ((180.0, 2.0),)),
    Scene("one of 5 ten times slower", broken("slow", alike(5)), STEADY),
    Scene("one of 3 refuses", broken("refuse", alike(3)), ((120.0, 0.5),)),
    Scene("one of 3 hangs", broken("hang", alike(3)), ((120.0, 0.5),)),
    Scene("one of 3 cuts", broken("cut", alike(3)), ((120.0, 0.5),)),
)
