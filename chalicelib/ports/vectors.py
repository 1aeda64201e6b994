"""Questions that were answered, by meaning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Sought, Stretch
from chalicelib.domain.lessons import Ruling
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Calibration, Decision, Knobs


class VectorIndex(Protocol):
    """Questions that were answered, found by meaning, each within its scope alone.

    Every method may raise `IndexUnavailable`, after which a caller goes on without; nothing is retried. What was added
    or taken back is seen by other processes within seconds (OpenSearch Serverless: a minute). `now` is epoch seconds.
    """

    def search(self, sought: Sought, within_seconds: float) -> Sequence[Neighbour]:
        """The nearest entries of the scope, the nearest first, each id once; those found when the time is up."""

    def add(self, entries: Sequence[Entry], now: float) -> None:
        """Keep the entries. One whose vector is all zeros means nothing, and is not kept."""

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """Take back entries of a scope that were created until now. An id that is not there is a repetition."""

    def purge(self, purge: Purge, now: float) -> int:
        """Take back whatever fits, for good; how many stored entries that were. Repeating it is safe."""

    def expire(self, now: float) -> int:
        """Free the room of what expired before `now`, where the index does not by itself; how many were freed."""

    def health(self) -> Health:
        """How the index is. Never raises."""


class Judge(Protocol):
    """Who decides whether a stored answer serves a question."""

    def judge(self, question: str, neighbours: Sequence[Neighbour], fit: Calibration | None, knobs: Knobs) -> Decision:
        """The surest of the neighbours that no guard forbids, and if it is sure enough; None is the shipped fit."""


class Keeper(Protocol):
    """Where an answer is kept together with what it is found by. May raise `StoreUnavailable`, `IndexUnavailable`."""

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, ruling: Ruling | None, now: float) -> bool:
        """Whether the answer was kept: one that is too large is not, nor are its entry and the decision to ask for it.

        Repeating it is safe.
        """


class EntryLog(Protocol):
    """Where an index within the process learns what others added, scope by scope. Raises `StoreUnavailable`."""

    def mark(self, scope: AnswerScope) -> str:
        """A number that grows with each change, as text; empty where nothing was ever added. Read consistently."""

    def newest(self, scope: AnswerScope) -> Iterator[Stretch]:
        """The whole log, the newest first, fetched stretch by stretch as it is asked for, read consistently."""

    def since(self, scope: AnswerScope, cursor: int) -> Iterator[Stretch]:
        """What was written after a stretch with that cursor, and a little of what was before; read consistently."""

    def append(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """Write entries, then move the mark of each of their scopes by one for each entry; those that were kept."""

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """Delete entries, say so in the log, and move the mark by one."""

    def purge(self, purge: Purge, now: float) -> int:
        """Delete what fits, say so in the log of each scope, and move its mark by one; how many were deleted."""
