"""The index of meanings in memory: every entry compared with the vector, in plain Python."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Callable, Sequence
from operator import mul
from threading import RLock

from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Sought


class MemoryVectors:
    """`VectorIndex` over a dict: for tests, and small enough to be seen right."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._entries: dict[tuple[AnswerScope, str], Entry] = {}

    def search(self, sought: Sought, within_seconds: float) -> Sequence[Neighbour]:
        """Never out of time."""
        del within_seconds
        vector = _floats(sought.vector)
        with self._lock:
            own = [entry for entry in self._entries.values() if entry.scope == sought.scope]
        good = [entry for entry in own if entry.expires_at > sought.now and len(entry.vector) == len(sought.vector)]
        near = sorted((_neighbour(entry, vector) for entry in good), key=lambda each: -each.similarity)
        return near[: sought.most] if any(vector) else []

    def add(self, entries: Sequence[Entry], now: float) -> None:
        """An older entry does not replace a newer one."""
        del now
        with self._lock:
            for entry in entries:
                old = self._entries.get((entry.scope, entry.id))
                if any(_floats(entry.vector)) and (old is None or old.created_at <= entry.created_at):
                    self._entries[entry.scope, entry.id] = entry

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """At once."""
        with self._lock:
            for each in ids:
                if (old := self._entries.get((scope, each))) and old.created_at <= now:
                    del self._entries[scope, each]

    def purge(self, purge: Purge, now: float) -> int:
        """At once."""
        before = now + 1 if purge.before is None else purge.before
        with self._lock:
            return self._drop(lambda entry: purge.covers(entry.scope) and entry.created_at < before)

    def expire(self, now: float) -> int:
        """At once."""
        with self._lock:
            return self._drop(lambda entry: entry.expires_at <= now)

    def health(self) -> Health:
        """Always well."""
        return Health(up=True, entries=len(self._entries))

    def _drop(self, is_meant: Callable[[Entry], bool]) -> int:
        keys = [key for key, entry in self._entries.items() if is_meant(entry)]
        for key in keys:
            del self._entries[key]
        return len(keys)


def _neighbour(entry: Entry, vector: array[float]) -> Neighbour:
    own = _floats(entry.vector)
    length = math.hypot(*vector) * math.hypot(*own)
    return Neighbour(
        id=entry.id,
        scope=entry.scope,
        question=entry.question,
        answer=entry.answer,
        created_at=entry.created_at,
        expires_at=entry.expires_at,
        similarity=sum(map(mul, vector, own)) / length if length else 0.0,
        said=entry.said,
    )


def _floats(vector: bytes) -> array[float]:
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return floats
