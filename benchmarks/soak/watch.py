"""Does a process grow: its memory, its open files, its threads, sampled while it works."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Final

from benchmarks.figures import Row, rounded
from benchmarks.processes import descriptors, resident_mb, threads

EVERY_S: Final = 1.0
MOST_MB_AN_HOUR: Final = 1.0
MOST_MORE: Final = 2
"""Descriptors or threads by which the last part may exceed the first: a connection is kept, a thread begins."""
LEAST_S: Final = 290.0
_WARM: Final = 1 / 2  # what a server fills once (threads, an index, a first refit) takes minutes
_BLOCKS: Final = 8
_SURE: Final = 2.0
_HOUR: Final = 3_600.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A process at one moment; `descriptors` of its own, for how many connections there are is up to the callers."""

    at: float
    resident_mb: float
    descriptors: int
    threads: int


@dataclass
class Trace:
    """One process over a while."""

    samples: list[Sample] = field(default_factory=list)

    def row(self) -> Row:
        """What is told of it, and whether it grew."""
        warm = self._warm()
        slope, error = slope_of([(each.at, each.resident_mb) for each in warm])
        files = _rise([each.descriptors for each in warm])
        threads = _rise([each.threads for each in warm])
        return {
            "resident_mb": rounded(warm[-1].resident_mb),
            "mb_an_hour": rounded(slope),
            "error": rounded(error),
            "descriptors": warm[-1].descriptors,
            "more_descriptors": files,
            "threads": warm[-1].threads,
            "more_threads": threads,
            "grows": (self.is_long and slope - _SURE * error > MOST_MB_AN_HOUR) or max(files, threads) > MOST_MORE,
        }

    @property
    def is_long(self) -> bool:
        """Whether memory can be judged."""
        warm = self._warm()
        return warm[-1].at - warm[0].at >= LEAST_S

    def _warm(self) -> Sequence[Sample]:
        began, ended = self.samples[0].at, self.samples[-1].at
        return [each for each in self.samples if each.at >= began + _WARM * (ended - began)]


def slope_of(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """What a line through the least of some blocks rises by in an hour, and the standard error of that.

    What a burst takes comes and goes; what is kept raises the least too.
    """
    size = max(1, len(points) // _BLOCKS)
    blocks = [points[start : start + size] for start in range(0, size * (len(points) // size), size)]
    xs = [fmean(at for at, _ in block) / _HOUR for block in blocks]
    ys = [min(value for _, value in block) for block in blocks]
    middle, level = fmean(xs), fmean(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    slope = sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / spread
    left = sum((y - level - slope * (x - middle)) ** 2 for x, y in zip(xs, ys, strict=True))
    return slope, (left / (len(xs) - 2) / spread) ** 0.5


def _rise(values: Sequence[int]) -> int:
    """By how much the lowest tenth of the last quarter exceeds the first one's: what a burst opens is closed again."""
    quarter = max(1, len(values) // 4)
    return _low(values[-quarter:]) - _low(values[:quarter])


def _low(values: Sequence[int]) -> int:
    return sorted(values)[len(values) // 10]


@asynccontextmanager
async def watched(
    pids: Mapping[str, int], callers: Mapping[str, Callable[[], int]]
) -> AsyncIterator[Mapping[str, Trace]]:
    """Sample these processes for as long as the block lasts, without the connections that its `callers` hold open."""
    traces = {name: Trace() for name in pids}
    held = {name: callers.get(name, int) for name in pids}

    async def look() -> None:
        while True:
            for name, pid in pids.items():
                own = descriptors(pid) - held[name]()
                traces[name].samples.append(Sample(time.monotonic(), resident_mb(pid), own, threads(pid)))
            await asyncio.sleep(EVERY_S)

    looking = asyncio.create_task(look())
    try:
        yield traces
    finally:
        looking.cancel()
