"""An answer over a connection that stood, read by hand: as much of urllib3's response as its readers use."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any, Protocol

from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError, SSLError

from chalicelib.adapters.http1.chunks import ChunkDecoder
from chalicelib.adapters.http1.heads import Head, length_of
from chalicelib.adapters.http1.standing import PIECE


class Answer(Protocol):
    """What readers use of an answer; urllib3's own is one. Faults are urllib3's `HTTPError`s."""

    status: int

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in small letters."""

    @property
    def connection(self) -> Any:
        """What it comes over; None once that has been given back."""

    def read(self, amt: int) -> bytes:
        """So many bytes, or fewer where it ends."""

    def read1(self, amt: int) -> bytes:
        """What comes next, as soon as it comes; nothing at the end."""

    def drain_conn(self) -> None:
        """Read to the end, whatever comes."""

    def close(self) -> None:
        """Close the connection, where it was not given back."""


class KeptAnswer:
    """An answer whose head tells its end. Read to that end, its connection goes back to `pool`, if it may."""

    def __init__(self, connection: Any, pool: Any, head: Head, came: bytes) -> None:
        """`came` is what came with the head; `head` is one that is `measured`."""
        self.status = head.status
        self.headers = head.headers
        self.connection = connection
        self._pool = pool
        self._came = came
        self._left = length_of(head)
        self._chunks = ChunkDecoder() if self._left is None else None
        self._whole = self._left == 0
        self._passed_over = False

    def read(self, amt: int) -> bytes:
        """At most `amt` bytes; what came behind them is lost, and the connection with it where the head told of it."""
        self._passed_over = (self._left or 0) > amt
        pieces, size = [], 0
        while size < amt and (piece := self.read1(PIECE)):
            pieces.append(piece)
            size += len(piece)
        return b"".join(pieces)[:amt]

    def read1(self, amt: int) -> bytes:
        """What one reading brought: `amt` bytes or fewer, and what came with the head."""
        content = b""
        while not content and not self._whole:
            came, self._came = self._came or self._received(amt), b""
            content = self._measured(came) if self._chunks is None else self._unchunked(self._chunks, came)
        if self._whole:
            self._give_back()
        return content

    def drain_conn(self) -> None:
        """Read to the end; where none comes, the connection is closed."""
        try:
            while self.read1(PIECE):
                pass
        except HTTPError:
            self.close()

    def close(self) -> None:
        """Close the connection, where it was not given back."""
        connection, self.connection = self.connection, None
        self._whole = True
        if connection is not None:
            connection.close()

    def _received(self, amt: int) -> bytes:
        with_chunks = self._chunks
        if self.connection is None or (with_chunks and with_chunks.broken):
            raise ProtocolError("The answer is no HTTP.")
        came = received(self.connection, self._pool, amt)
        if came or (with_chunks and with_chunks.in_trailers):  # who hangs up in place of trailers has said all
            return came
        raise ProtocolError("The answer broke off.")

    def _measured(self, came: bytes) -> bytes:
        left = self._left or 0
        self._left = max(left - len(came), 0)
        self._whole = not self._left
        self._came = came[left:]
        return came[:left]

    def _unchunked(self, chunks: ChunkDecoder, came: bytes) -> bytes:
        content = chunks.feed(came)
        self._whole = chunks.ended or not came
        self._came = chunks.rest if chunks.ended else b""
        return content

    def _give_back(self) -> None:
        connection, self.connection = self.connection, None
        if connection is None:
            return
        ended = self._chunks is None or self._chunks.ended
        if self._came or self._passed_over or not ended or "close" in self.headers.get("connection", "").lower():
            connection.close()
        self._pool._put_conn(connection)  # noqa: SLF001 - where it is closed, urllib3 opens it again


def measured(head: Head) -> bool:
    """Whether the head tells, in a way that is beyond doubt, where its answer ends, and the content is plain."""
    if "content-encoding" in head.headers or head.status in {204, 304}:
        return False
    chunked = head.headers.get("transfer-encoding", "").lower() == "chunked" and "content-length" not in head.headers
    return chunked or length_of(head) is not None


def received(connection: Any, pool: Any, amt: int) -> bytes:
    """What comes next over `connection`, at most `amt` bytes, none at its end; urllib3's error for a fault."""
    try:
        came: bytes = connection.sock.recv(amt)
    except OSError as fault:
        raise named(fault, pool) from fault
    return came


def named(fault: Exception, pool: Any) -> HTTPError:
    """What urllib3 calls a fault of reading."""
    if isinstance(fault, TimeoutError):
        return ReadTimeoutError(pool, "", "Read timed out.")
    return SSLError(fault) if isinstance(fault, ssl.SSLError) else ProtocolError("The connection broke.", fault)
