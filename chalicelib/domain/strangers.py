"""Failures counted by who they are of: forgotten at a steady pace, in memory that has an end."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from math import ceil
from threading import Lock
from typing import Final

from chalicelib.domain.errors import TidegateError

MOST_COUNTED: Final = 10_000
_MINUTE: Final = 60.0
_GROUPS: Final = 4  # of an IPv6 address: the network of one subscriber, who has all its addresses


class TooManyFailures(TidegateError):
    """So many attempts of the caller failed lately that no more of them are looked at for a while."""

    def __init__(self, retry_after_seconds: int) -> None:
        """Say when the next one is looked at."""
        super().__init__(f"Too many failed attempts. Check your API key, and try again in {retry_after_seconds} s.")
        self.retry_after_seconds = retry_after_seconds


class Failures:
    """How many failures each had lately: a bucket of `a_minute`, which is emptied as fast as it may be filled.

    Of each there is one number, the time at which its bucket is empty. Who did not fail for longest is forgotten.
    """

    def __init__(self, a_minute: int, most: int = MOST_COUNTED) -> None:
        """Nobody has failed yet; `most` are remembered."""
        self._pace = _MINUTE / a_minute
        self._room = _MINUTE - self._pace
        self._most = most
        self._empty_at: OrderedDict[int, float] = OrderedDict()
        self._lock = Lock()

    def add(self, who: str, now: float) -> None:
        """Count one failure."""
        with self._lock:
            self._empty_at[hash(who)] = max(self._empty_at.get(hash(who), now), now) + self._pace
            self._empty_at.move_to_end(hash(who))
            if len(self._empty_at) > self._most:
                self._empty_at.popitem(last=False)

    def wait(self, who: str, now: float) -> int:
        """For how many seconds the bucket has no room for another failure."""
        return ceil(min(self._empty_at.get(hash(who), now) - now, _MINUTE) - self._room)


def network(address: str) -> str:
    """Whom an address belongs to: itself, or the /64 of an IPv6 address."""
    if ":" not in address:
        return address
    try:
        return ":".join(ipaddress.IPv6Address(address).exploded.split(":")[:_GROUPS])
    except ValueError:
        return address
