"""Server-sent events from bytes that arrive cut anywhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_BOM: Final = b"\xef\xbb\xbf"


class TooLong(Exception):
    """An event that does not end within the limit."""


class EventDecoder:
    """Yields the data of each event once its blank line is there; comments and other fields are passed over.

    Lines are split as bytes, which UTF-8 allows, so that a character cut in two is whole again when it is decoded.
    """

    def __init__(self, limit: int) -> None:
        """`limit` is the most bytes that one event may have."""
        self._limit = limit
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held = 0
        self._after_return = False
        self._begun = False

    def feed(self, piece: bytes) -> Iterator[str]:
        """The events that `piece` ends."""
        for line in self._lines(piece):
            if line:
                self._field(line)
            elif self._data:
                data, self._data, self._held = b"\n".join(self._data), [], 0
                yield data.decode(errors="replace")

    def _lines(self, piece: bytes) -> Iterator[bytes]:
        if self._after_return and piece.startswith(b"\n"):
            piece = piece[1:]  # the second half of a line end that was cut in two
        self._after_return = piece.endswith(b"\r")
        *ended, rest = _LINE_END.split(piece)
        for end in ended:
            yield bytes(self._line) + end
            self._line.clear()
        self._line += rest
        if self._held + len(self._line) > self._limit:
            raise TooLong

    def _field(self, line: bytes) -> None:
        if not self._begun:
            line, self._begun = line.removeprefix(_BOM), True
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._held += len(value)
