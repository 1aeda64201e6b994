"""The log that the flat index follows, in memory: this process is the only one that writes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chalicelib.domain.entries import AnswerScope, Entry, Purge, Row, Stretch


class Journal:
    """`EntryLog` in a list for each scope."""

    def __init__(self) -> None:
        self._entries: dict[AnswerScope, list[Entry]] = {}

    def mark(self, scope: AnswerScope) -> str:
        """How many entries there are."""
        return str(len(self._entries[scope])) if scope in self._entries else ""

    def newest(self, scope: AnswerScope) -> Iterator[Stretch]:
        """All at once."""
        yield from self.since(scope, 0)

    def since(self, scope: AnswerScope, cursor: int) -> Iterator[Stretch]:
        """All that came behind `cursor`."""
        entries = self._entries.get(scope, [])[max(0, cursor) :]
        rows = tuple(
            Row(each.id, each.question, each.answer, each.created_at, each.expires_at, each.said) for each in entries
        )
        if rows:
            yield Stretch(scope, cursor + len(rows), rows, b"".join(each.vector for each in entries))

    def append(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """All but those whose vector is all zeros."""
        del now
        kept = [each for each in entries if any(each.vector)]
        for each in kept:
            self._entries.setdefault(each.scope, []).append(each)
        return kept

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """Nothing is taken back here."""

    def purge(self, purge: Purge, now: float) -> int:
        """Nothing is taken back here."""
        del purge, now
        return 0
