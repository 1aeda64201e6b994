"""Questions and a stopwatch, the same for every index that is measured."""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from benchmarks.figures import Row, quantile, spread

SEED: Final = 20_260_401
DIMENSIONS: Final = 256
TOPICS: Final = 500  # questions come in crowds: noise alone is near nothing
SPREAD: Final = 0.7  # of a crowd, its topic being 1
ROUNDS: Final = 5
LOOKUPS: Final = 100  # a round


def questions(size: int) -> tuple[list[str], Any]:
    """Texts and unit vectors, the same for every index."""
    draw = np.random.default_rng(SEED)
    topics = draw.standard_normal((TOPICS, DIMENSIONS))
    vectors = topics[draw.integers(TOPICS, size=size)] + SPREAD * draw.standard_normal((size, DIMENSIONS))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [f"How do I get number {number} of what I asked for?" for number in range(size)], vectors.astype("<f4")


def timed(look_up: Callable[[int], None], size: int) -> Row:
    """CPU and latency of lookups, round by round."""
    chosen = np.random.default_rng(SEED + 1).integers(size, size=(ROUNDS, LOOKUPS)).tolist()
    cpu, wall = [], []
    look_up(0)
    for places in chosen:
        before = time.process_time()
        for place in places:
            began = time.perf_counter()
            look_up(place)
            wall.append((time.perf_counter() - began) * 1e3)
        cpu.append((time.process_time() - before) * 1e3 / len(places))
    return {"cpu_ms": spread(cpu), "p50_ms": quantile(wall, 0.5), "p99_ms": quantile(wall, 0.99)}
