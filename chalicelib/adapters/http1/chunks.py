"""The chunked transfer coding (RFC 9112, 7.1), from bytes that arrive cut anywhere."""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(rb"[ \t]*([0-9A-Fa-f]+)[ \t]*(?:;[^\n]*)?\r?\n")
_END: Final = b"\r\n"
_MOST: Final = 65_536  # bytes, of a chunk's first line, and of all trailers


class ChunkDecoder:
    """Takes the content out of chunks; extensions and trailers are passed over.

    `ended` is set where the last chunk and its trailers have come, `broken` where what came is no chunk: nothing
    more is taken then. `in_trailers` tells that the content is whole. `rest` is what came behind the end, and before
    it what is not understood yet: at most a line.
    """

    def __init__(self) -> None:
        """Begin before the first chunk."""
        self.ended = self.broken = self.in_trailers = False
        self.rest = b""
        self._left = 0
        self._after_data = False
        self._trailers = 0

    def feed(self, piece: bytes) -> bytes:
        """The content that `piece` has; it may be none."""
        data, at = self.rest + piece if self.rest else piece, 0
        content: list[bytes] = []
        while not self.in_trailers:
            if self._left:
                part = data[at : at + self._left]
                content.append(part)
                at += len(part)
                self._left -= len(part)
                self._after_data = True
                if self._left:
                    break
            begun = self._begun(data, at)
            if begun < 0:
                break
            at = begun
        self.rest = data[at:]
        if self.in_trailers and not self.ended:
            self._pass_trailers()
        return content[0] if len(content) == 1 else b"".join(content)

    def _begun(self, data: bytes, at: int) -> int:
        """Where the next chunk's data begin; -1 where they cannot be told yet, or ever."""
        start = at
        if self._after_data:
            if data[at : at + 2] != _END:
                self.broken = self.broken or not _END.startswith(data[at : at + 2])
                return -1
            start += 2
        found = _SIZE.match(data, start)
        if not found:
            self.broken = data.find(b"\n", start) >= 0 or len(data) - start > _MOST
            return -1
        self._left = int(found[1], 16)
        self._after_data = False
        self.in_trailers = not self._left
        return found.end()

    def _pass_trailers(self) -> None:
        while (end := self.rest.find(b"\n") + 1) > 0 and not self.ended:
            self.ended = self.rest[:end] in {b"\r\n", b"\n"}
            self._trailers += end
            self.rest = self.rest[end:]
        self.broken = not self.ended and self._trailers + len(self.rest) > _MOST
