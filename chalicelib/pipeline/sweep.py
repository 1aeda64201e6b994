"""Ends the leases of turns that can no longer be running, and what else has to be looked after every minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.errors import TidegateError
from chalicelib.ports import Turns

BATCH: Final = 100
MOST: Final = 1_000  # in one run: what a function that may take a minute ends in a third of it


@dataclass(frozen=True, slots=True)
class Sweeper:
    """What runs on a schedule: chores by the name of what each counts, every one of them safe to do twice at once."""

    chores: Mapping[str, Callable[[], int]]

    def run(self) -> Mapping[str, int]:
        """Do each; how much there was to do. A chore that fails keeps no other from being done, and is told after."""
        counts: dict[str, int] = {}
        faults: list[TidegateError] = []
        for name, chore in self.chores.items():
            try:
                counts[name] = chore()
            except TidegateError as fault:
                faults.append(fault)
        if faults:
            raise faults[0]
        return counts


def sweep(turns: Turns, before: float, most: int = 10_000) -> int:
    """End up to `most` leases that ran out before the epoch second `before`; how many were ended. Safe to run twice."""
    total = 0
    while total < most:
        found = turns.expire(before, BATCH)
        total += found
        if found < BATCH:
            break
    return total
