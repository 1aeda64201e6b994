"""Records of erasures in memory."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.erasure import Erasure
from chalicelib.domain.trail import Event


class MemoryErasures:
    """`Erasures` in a dict, with their events on a shelf."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._kept: dict[str, Erasure] = {}
        self._pending: dict[str, None] = {}

    def get(self, owner: str) -> Erasure | None:
        """As it is."""
        return self._kept.get(owner)

    def put(self, erasure: Erasure, note: Event | None = None) -> None:
        """In the place of the last."""
        self._kept[erasure.owner] = erasure
        self._pending.pop(erasure.owner, None)
        self._shelf.note(note)

    def replace(self, old: Erasure, new: Erasure) -> bool:
        """Where the old one is, or the new one already."""
        if self._kept.get(old.owner) not in (old, new):
            return False
        self.put(new)
        if new.finished_at is None:
            self._pending[new.owner] = None
        return True

    def pending(self, most: int) -> Sequence[str]:
        """In the order of their beginning."""
        return list(self._pending)[:most]
