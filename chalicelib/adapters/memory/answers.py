"""The exact answer cache in memory."""

from __future__ import annotations

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.lead import Lead
from chalicelib.domain.turn import CachedAnswer


class MemoryAnswers:
    """`Answers` over a shelf, which keeps what has expired until it is replaced."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def get(self, key: str, now: float) -> CachedAnswer | None:
        """What was stored, unless it has expired."""
        found = self.look(key, now)
        return found if isinstance(found, CachedAnswer) else None

    def look(self, key: str, now: float) -> CachedAnswer | Lead | None:
        """At one moment."""
        with self._shelf.lock:
            return self._shelf.found(key, now)

    def cede(self, lead: Lead) -> None:
        """Leaves another's lead."""
        with self._shelf.lock:
            current = self._shelf.leads.get(lead.key)
            if current is not None and current.turn_id == lead.turn_id:
                del self._shelf.leads[lead.key]

    def store(self, key: str, answer: CachedAnswer) -> bool:
        """Replaces what was there."""
        with self._shelf.lock:
            self._shelf.answers[key] = answer
            self._shelf.leads.pop(key, None)
        return True
