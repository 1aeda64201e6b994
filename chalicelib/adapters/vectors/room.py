"""What a process remembers of one scope: vectors as rows of an array, and the questions beside them."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from chalicelib.domain.entries import Gone, Neighbour, Row, Sought, Stretch

ROW_BYTES: Final = 560  # what a row takes beside its vector: texts, objects, its place in the dictionary
_FIRST_ROWS: Final = 256
_SPARE: Final = 10  # a room that overflows forgets a tenth, so that it does not overflow again at once


class Room:
    """Rows of one scope, in about `most_bytes` of memory; the newest, where there are more. Not safe to share."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._rows: list[Row] = []
        self._places: dict[str, int] = {}
        self._gone: dict[str, int] = {}
        self._gone_until = -1
        self._vectors: Any = np.zeros((0, 0), np.float32)
        self._created = np.zeros(0, np.int64)
        self._ends = np.zeros(0, np.int64)  # 0 where an entry was replaced or taken back

    @property
    def entries(self) -> int:
        """How many entries are remembered, those that expired since included."""
        return len(self._places)

    @property
    def bytes(self) -> int:
        """About how much memory that takes."""
        return int(self._vectors.nbytes) + ROW_BYTES * len(self._rows)

    @property
    def full(self) -> bool:
        """Whether older entries would find no room."""
        return self.entries >= self._most_rows * (_SPARE - 1) // _SPARE > 0

    def take(self, stretch: Stretch, now: float) -> None:
        """Remember what is new in a stretch, in whatever order stretches come, and forget what it says is gone."""
        for gone in stretch.gone:
            self._forget(gone)
        news = self._news(stretch.rows, now)
        if not news:
            return
        vectors = np.frombuffer(stretch.vectors, "<f4").reshape(len(stretch.rows), -1)
        if self._rows and vectors.shape[1] != self._vectors.shape[1]:
            return
        if len(self._rows) + len(news) > len(self._ends):
            self._tidy(now)
            self._grow(len(self._rows) + len(news), vectors.shape[1])
            news = self._fitting(stretch.rows, news)
        start = len(self._rows)
        self._vectors[start : start + len(news)] = vectors[news]
        for place in news:
            self._add(stretch.rows[place])

    def nearest(self, sought: Sought) -> list[Neighbour]:
        """The entries most similar to a vector, the most similar first."""
        vector = np.frombuffer(sought.vector, "<f4")
        length = float(np.linalg.norm(vector))
        count = len(self._rows)
        most = min(sought.most, count)
        if most <= 0 or not 0 < length < math.inf or len(vector) != self._vectors.shape[1]:
            return []
        unit = vector / np.float32(length)
        cosines = np.einsum("ij,j->i", self._vectors[:count], unit)  # `@` wakes a thread for each core, and waits
        cosines[self._ends[:count] <= sought.now] = -np.inf
        best = np.argpartition(cosines, count - most)[count - most :]
        best = best[np.argsort(-cosines[best])]
        return [self._neighbour(sought, place, float(cosines[place])) for place in best if cosines[place] > -np.inf]

    def _neighbour(self, sought: Sought, place: int, cosine: float) -> Neighbour:
        row = self._rows[place]
        similarity = min(max(cosine, -1.0), 1.0)
        return Neighbour(
            row.id, sought.scope, row.question, row.answer, row.created_at, row.expires_at, similarity, row.said
        )

    def _news(self, rows: tuple[Row, ...], now: float) -> list[int]:
        """The places of rows that are not known yet, and good."""
        news: dict[str, int] = {}
        for place, row in enumerate(rows):
            twin = news.get(row.id)
            newest = twin is None or rows[twin].created_at < row.created_at
            if newest and row.expires_at > now and self._is_new(row):
                news[row.id] = place
        return list(news.values())

    def _is_new(self, row: Row) -> bool:
        if row.created_at <= max(self._gone_until, self._gone.get(row.id, -1)):
            return False
        place = self._places.get(row.id)
        return place is None or self._rows[place].created_at < row.created_at

    def _add(self, row: Row) -> None:
        if (old := self._places.get(row.id)) is not None:
            self._ends[old] = 0
        place = self._places[row.id] = len(self._rows)
        self._created[place], self._ends[place] = row.created_at, row.expires_at
        self._rows.append(row)

    def _forget(self, gone: Gone) -> None:
        if gone.ids:
            self._gone |= {each: max(gone.until, self._gone.get(each, -1)) for each in gone.ids}
        else:
            self._gone_until = max(gone.until, self._gone_until)
        for each in gone.ids or tuple(self._places):
            place = self._places.get(each)
            if place is not None and self._rows[place].created_at <= gone.until:
                self._ends[place] = 0
                del self._places[each]

    def _tidy(self, now: float) -> None:
        """Drop the rows that ended, and the texts that they hold."""
        self._keep(np.flatnonzero(self._ends[: len(self._rows)] > now))

    def _keep(self, places: Any) -> None:
        self._vectors, self._created, self._ends = self._vectors[places], self._created[places], self._ends[places]
        self._rows = [self._rows[place] for place in places]
        self._places = {row.id: place for place, row in enumerate(self._rows)}

    def _grow(self, wanted: int, dimensions: int) -> None:
        """Make room for twice as many rows as there are, or those wanted, as far as memory is allowed."""
        count = len(self._rows)
        size = max(count, min(max(_FIRST_ROWS, 2 * count, wanted), self._most_bytes // (4 * dimensions + ROW_BYTES)))
        vectors = np.zeros((size, dimensions), np.float32)
        created, ends = np.zeros(size, np.int64), np.zeros(size, np.int64)
        if count:
            vectors[:count], created[:count], ends[:count] = self._vectors, self._created, self._ends
        self._vectors, self._created, self._ends = vectors, created, ends

    def _fitting(self, rows: tuple[Row, ...], news: list[int]) -> list[int]:
        """Those of the news that fit, once the oldest of all have made room."""
        count, surplus = len(self._rows), len(self._rows) + len(news) - len(self._ends)
        if surplus <= 0:
            return news
        incoming = np.array([rows[place].created_at for place in news], np.int64)
        ages = np.concatenate([self._created[:count], incoming])
        places = np.argsort(-ages, kind="stable")[: len(self._ends) - len(self._ends) // _SPARE]
        self._keep(np.sort(places[places < count]))
        self._grow(len(self._ends), self._vectors.shape[1])
        return [news[place - count] for place in places if place >= count]

    @property
    def _most_rows(self) -> int:
        return self._most_bytes // (4 * int(self._vectors.shape[1]) + ROW_BYTES)
