"""Ends the leases of turns that can no longer be running."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from chalicelib.ports import Clock, Turns

BATCH: Final = 100
MOST: Final = 1_000  # in one run: what a function that may take a minute ends in a third of it


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What runs on a schedule. Two runs at once end each lease once; what one leaves over is the next one's."""

    turns: Turns
    clock: Clock

    def run(self) -> int:
        """End leases that have run out by now; how many were ended."""
        return sweep(self.turns, before=self.clock(), most=MOST)


def sweep(turns: Turns, before: float, most: int = 10_000) -> int:
    """End up to `most` leases that ran out before the epoch second `before`; how many were ended. Safe to run twice."""
    total = 0
    while total < most:
        found = turns.expire(before, BATCH)
        total += found
        if found < BATCH:
            break
    return total
