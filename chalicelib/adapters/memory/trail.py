"""The audit trail in memory."""

from __future__ import annotations

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.trail import Event, Found, Search, page_of


class MemoryEvents:
    """`Events` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def add(self, event: Event) -> None:
        """The first of an id stays."""
        self._shelf.note(event)

    def page(self, search: Search) -> Found:
        """Sorted anew for each page."""
        first, end = search.bounds
        with self._shelf.lock:
            within = sorted((name for name in self._shelf.events if first <= name < end), reverse=True)
            return page_of([self._shelf.events[name] for name in within], search)
