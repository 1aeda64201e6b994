"""How long answers are, learned from those that came: the cap of a request that names none.

A cap is what a target deducts from its quota, and a limit from its room, before a word is said. A model's default is
made for the longest answers; most callers never get near it.
"""

from __future__ import annotations

from math import ceil, log2
from typing import Final

from msgspec import Struct

STEPS_A_DOUBLING: Final = 2
SIZES: Final = 2 * 18  # up to 262,144 tokens
ENOUGH: Final = 50.0  # answers, before anything is concluded from them
MEMORY: Final = 1_000.0  # answers that are remembered: older ones fade
QUANTILE: Final = 0.995
MARGIN: Final = 2.0
LEAST: Final = 1_024


class Outputs(Struct, frozen=True):
    """How many answers had which size, in steps of half a doubling; those of long ago count less."""

    counts: tuple[float, ...] = (0.0,) * SIZES

    def learned(self, tokens: int, *, cut: bool) -> Outputs:
        """After an answer of so many tokens; one that its cap `cut` would have been longer, say twice."""
        place = _place(tokens * 2 if cut else tokens)
        fading = 1 - 1 / MEMORY
        return Outputs(tuple(count * fading + (number == place) for number, count in enumerate(self.counts)))

    def cap(self, default: int) -> int:
        """Twice what all but the longest answers took: never above `default`, which it is before enough is known."""
        total = sum(self.counts)
        if total < ENOUGH:
            return default
        seen = 0.0
        for place, count in enumerate(self.counts):
            seen += count
            if seen >= QUANTILE * total:
                return min(default, max(LEAST, ceil(MARGIN * _size(place))))
        return default


def _place(tokens: int) -> int:
    return min(SIZES - 1, ceil(STEPS_A_DOUBLING * log2(max(tokens, 1))))


def _size(place: int) -> float:
    return float(2 ** (place / STEPS_A_DOUBLING))
