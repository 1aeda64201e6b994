"""An index within the process: every vector of a scope in memory, compared one by one, and kept up by a log."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Final

from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Row, Sought, Stretch
from chalicelib.domain.errors import IndexUnavailable, TidegateError
from chalicelib.ports import EntryLog

REMEMBERED_SECONDS: Final = 3_600  # then a scope is read anew: the log says for a day what was taken back
_START: Final = -1


class _Shelf:
    """A scope's room, and how far it follows the log."""

    def __init__(self, most_bytes: int) -> None:
        from chalicelib.adapters.vectors.room import Room  # with numpy, which the first scope is soon enough for

        self.lock = Lock()
        self.room = Room(most_bytes)
        self.looked_at = 0.0
        self.cursor = _START
        self.mark = _START  # that of the log when it was last read to the end
        self.own = 0  # changes made here since
        self.whole = False
        self.pending: Iterator[Stretch] | None = None
        self.aim = 0

    def is_current(self, mark: int) -> bool:
        """Whether nothing was written to the log that is not here."""
        return self.whole and self.pending is None and self.mark + self.own >= mark


class FlatIndex:
    """`VectorIndex` over an `EntryLog`, in about `most_bytes` of memory: what was not asked for longest goes first.

    A scope that is not in memory yet is read the newest first: a lookup searches what came within its time, and the
    next one goes on. `clock` counts seconds from anywhere.
    """

    def __init__(self, log: EntryLog, *, clock: Callable[[], float], most_bytes: int) -> None:
        self._log = log
        self._clock = clock
        self._most_bytes = most_bytes
        self._lock = Lock()
        self._shelves: OrderedDict[AnswerScope, _Shelf] = OrderedDict()

    def search(self, sought: Sought, within_seconds: float) -> Sequence[Neighbour]:
        """No request where `mark` says that nothing changed."""
        deadline = self._clock() + within_seconds
        with _ours():
            mark = self._log.mark(sought.scope) if sought.mark is None else sought.mark
        if not mark:
            with self._lock:
                self._shelves.pop(sought.scope, None)
            return []
        with self._shelf(sought.scope, sought.now, within_seconds) as shelf:
            if not shelf.is_current(int(mark)):
                with _ours():
                    self._follow(shelf, int(mark), sought, deadline)
            return shelf.room.nearest(sought)

    def add(self, entries: Sequence[Entry], now: float) -> None:
        """Two requests for up to 25 entries of a scope."""
        with _ours():
            kept = self._log.append(entries, now)
        for entry in kept:
            self.note(entry, now)

    def note(self, entry: Entry, now: float) -> None:
        """Remember an entry that was just written to the log by other means, which moved its mark by one."""
        with self._lock:
            shelf = self._shelves.get(entry.scope)
        if shelf is None:
            return
        row = Row(entry.id, entry.question, entry.answer, entry.created_at, entry.expires_at, entry.said)
        with shelf.lock:
            shelf.room.take(Stretch(entry.scope, shelf.cursor, (row,), _unit(entry.vector)), now)
            shelf.own += 1

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """What this process remembers is read anew."""
        with _ours():
            self._log.remove(scope, ids, now)

    def purge(self, purge: Purge, now: float) -> int:
        """As the log does."""
        with _ours():
            return self._log.purge(purge, now)

    def expire(self, now: float) -> int:
        """Nothing: the log's items expire by themselves, and a room forgets them."""
        del now
        return 0

    def health(self) -> Health:
        """What is in memory."""
        with self._lock:
            return Health(up=True, entries=sum(shelf.room.entries for shelf in self._shelves.values()))

    def _follow(self, shelf: _Shelf, mark: int, sought: Sought, deadline: float) -> None:
        """Read on in the log, at least one stretch of it, until there is no more or the time is up."""
        if shelf.pending is None:
            shelf.aim, shelf.own = mark, 0
            log, scope = self._log, sought.scope
            shelf.pending = log.since(scope, shelf.cursor) if shelf.whole else log.newest(scope)
        try:
            self._read(shelf, shelf.pending, sought, deadline)
        except BaseException:
            shelf.pending = None
            raise

    def _read(self, shelf: _Shelf, stretches: Iterator[Stretch], sought: Sought, deadline: float) -> None:
        for stretch in stretches:
            if stretch.scope == sought.scope:
                shelf.room.take(stretch, sought.now)
                shelf.cursor = max(shelf.cursor, stretch.cursor)
            if not shelf.whole and shelf.room.full:
                break
            if self._clock() >= deadline:
                return
        shelf.pending, shelf.whole, shelf.mark = None, True, shelf.aim

    @contextmanager
    def _shelf(self, scope: AnswerScope, now: float, within_seconds: float) -> Iterator[_Shelf]:
        """A scope's shelf, for one thread at a time."""
        with self._lock:
            shelf = self._shelves.pop(scope, None)
            if shelf is None or now - shelf.looked_at > REMEMBERED_SECONDS:
                shelf = _Shelf(self._most_bytes)
            shelf.looked_at = now
            self._shelves[scope] = shelf
        if not shelf.lock.acquire(timeout=within_seconds):
            raise IndexUnavailable("another lookup reads the scope")
        before = shelf.room.bytes
        try:
            yield shelf
        finally:
            shelf.lock.release()
            if shelf.room.bytes != before:
                self._make_room()

    def _make_room(self) -> None:
        """Forget scopes until the others fit; the one that was just looked at stays."""
        with self._lock:
            held = sum(shelf.room.bytes for shelf in self._shelves.values())
            while held > self._most_bytes and len(self._shelves) > 1:
                _, oldest = self._shelves.popitem(last=False)
                held -= oldest.room.bytes


@contextmanager
def _ours() -> Iterator[None]:
    """The log's faults as the index's own."""
    try:
        yield
    except IndexUnavailable:
        raise
    except TidegateError as fault:
        raise IndexUnavailable(fault.message) from fault


def _unit(vector: bytes) -> bytes:
    import numpy as np

    row = np.frombuffer(vector, "<f4")
    return bytes((row / np.linalg.norm(row)).astype("<f4").tobytes())
