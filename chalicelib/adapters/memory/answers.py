"""The exact answer cache in memory."""

from __future__ import annotations

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.turn import CachedAnswer


class MemoryAnswers:
    """`Answers` over a shelf, which keeps what has expired until it is replaced."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def get(self, key: str, now: float) -> CachedAnswer | None:
        """What was stored, unless it has expired."""
        answer = self._shelf.answers.get(key)
        return answer if answer is not None and answer.expires_at > now else None

    def store(self, key: str, answer: CachedAnswer) -> bool:
        """Replaces what was there."""
        with self._shelf.lock:
            self._shelf.answers[key] = answer
        return True
