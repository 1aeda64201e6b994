"""What is known of targets, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota


class MemoryTargets:
    """`Targets` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def breakers(self, names: Sequence[str]) -> Mapping[str, Breaker]:
        """All at once."""
        with self._shelf.lock:
            return {name: self._shelf.breakers.get(name, Breaker()) for name in names}

    def move(self, name: str, breaker: Breaker) -> Breaker:
        """Compare the version, then replace."""
        with self._shelf.lock:
            known = self._shelf.breakers.get(name, Breaker())
            if known.version == breaker.version - 1:
                self._shelf.breakers[name] = known = breaker
            return known

    def lease(self, name: str, minute: int, block: Block, quota: Quota) -> bool:
        """Compare the sum, then replace it."""
        with self._shelf.lock:
            leased = self._shelf.leased.get((name, minute), Block()) + block
            fits = (quota.requests_per_minute is None or leased.requests <= quota.requests_per_minute) and (
                quota.tokens_per_minute is None or leased.tokens <= quota.tokens_per_minute
            )
            if fits:
                self._shelf.leased[name, minute] = leased
            return fits
