"""Who comes without a good key, again and again: turned away before anything is read or digested for them.

Failures alone count, by the address that they come from and by the key that they show. A key that was good in this
process is let through whatever others do from its address. All of it is this process's own, and in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from chalicelib.domain.strangers import Failures, TooManyFailures, network

MOST_KNOWN: Final = 10_000
TOLD_SECONDS: Final = 10.0  # between two lines about those who were turned away, so that a flood is no flood of lines


class Strangers:
    """Counts failed attempts; `tell` hears how many calls were turned away since it was told last."""

    def __init__(self, a_minute: int, tell: Callable[[int], None]) -> None:
        """`a_minute` failures are looked at from each address and for each key; without any, all are."""
        self._failures = (Failures(a_minute), Failures(a_minute)) if a_minute else None
        self._good: OrderedDict[int, None] = OrderedDict()  # hashes with this process's seed: no token is kept
        self._tell = tell
        self._turned_away = 0
        self._told_at = float("-inf")

    def turn_away(self, source: str, token: str, now: float) -> None:
        """`TooManyFailures` for an attempt that is not to be looked at."""
        if self._failures is None or hash(token) in self._good:
            return
        sources, tokens = self._failures
        wait = max(sources.wait(network(source), now), tokens.wait(token, now) if token else 0)
        if wait > 0:
            self._count(now)
            raise TooManyFailures(wait)

    def failed(self, source: str, token: str, now: float) -> None:
        """Count an attempt that failed; its key, where there was one, is good no more."""
        if self._failures is None:
            return
        self._good.pop(hash(token), None)
        sources, tokens = self._failures
        sources.add(network(source), now)
        if token:
            tokens.add(token, now)

    def know(self, token: str) -> None:
        """Remember a key that was good just now."""
        self._good.pop(hash(token), None)
        self._good[hash(token)] = None
        if len(self._good) > MOST_KNOWN:
            self._good.popitem(last=False)

    def _count(self, now: float) -> None:
        self._turned_away += 1
        if now - self._told_at >= TOLD_SECONDS:
            self._told_at, calls, self._turned_away = now, self._turned_away, 0
            self._tell(calls)
