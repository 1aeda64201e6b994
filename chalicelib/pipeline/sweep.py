"""Ends the leases of turns that can no longer be running."""

from __future__ import annotations

from typing import Final

from chalicelib.ports import Turns

BATCH: Final = 100


def sweep(turns: Turns, before: float, most: int = 10_000) -> int:
    """End up to `most` leases that ran out before the epoch second `before`; how many were ended. Safe to run twice."""
    total = 0
    while total < most:
        found = turns.expire(before, BATCH)
        total += found
        if found < BATCH:
            break
    return total
