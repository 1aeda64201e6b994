"""Leaves a server alone for a while after it failed several times in a row."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Final

FAILURES: Final = 3
OPEN_SECONDS: Final = 2.0
LONGEST_SECONDS: Final = 30.0


class Breaker:
    """Closed until so many failures in a row; then one call at a time may try, after a pause that doubles.

    `clock` counts seconds from anywhere. Safe to share between threads.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._until = 0.0

    def admits(self) -> bool:
        """Whether a call may be made. The one that is let through keeps others away until it ends."""
        with self._lock:
            if self._failures < FAILURES:
                return True
            now = self._clock()
            if now < self._until:
                return False
            self._until = now + OPEN_SECONDS
            return True

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """It did not."""
        with self._lock:
            self._failures += 1
            pause = OPEN_SECONDS * 2.0 ** min(max(self._failures - FAILURES, 0), 16)
            self._until = self._clock() + min(pause, LONGEST_SECONDS)
