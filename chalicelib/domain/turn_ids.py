"""The names of turns, which sort by the time they began: what is kept by turn is in order without a second key."""

from __future__ import annotations

from typing import Final

RANDOM_BYTES: Final = 10
_TIME_DIGITS: Final = 12  # hexadecimal, of milliseconds: until the year 10889


def turn_id(now: float, random: bytes) -> str:
    """A new id, of 32 hexadecimal digits, for a turn that begins at `now`; nobody else's with 80 random bits."""
    return f"{started(now)}{random.hex()}"


def began(turn_id: str) -> int:
    """The epoch second in which a turn began."""
    return int(turn_id[:_TIME_DIGITS], 16) // 1000


def started(at: float) -> str:
    """Where the ids of turns begin that began at the epoch second `at`, or later."""
    return f"{int(at * 1000):0{_TIME_DIGITS}x}"
