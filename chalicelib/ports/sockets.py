"""Connections that stay open: what is known of each, the way to their other end, and the words that are sent there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from chalicelib.domain.chat import Completion, Delta, Usage
from chalicelib.domain.identity import Credential
from chalicelib.domain.jobs import Job
from chalicelib.domain.sockets import Connection
from chalicelib.domain.turn import Head

Delivery = Literal["sent", "gone", "late"]
"""`gone` is for good; what is `late` was most likely not sent, and may be sent again after a while."""


class Connections(Protocol):
    """Every open connection. May raise `StoreUnavailable`. One that was closed is unknown, as is one never opened."""

    def open(self, connection: Connection) -> None:
        """Keep a new connection, of which nobody knows yet whose it is."""

    def hear(self, connection_id: str) -> Connection | None:
        """Count one message; the connection as it is then, or None where it is unknown."""

    def admit(self, connection: Connection, credential: Credential) -> bool:
        """Keep whose connection it is, once; False where it is unknown, or another's. A repetition is True."""

    def take(self, connection_id: str, chat: str, job: str, most: int) -> bool:
        """Keep the job of a chat. False where that id has another job, there are `most`, or the connection is unknown.

        A repetition is True.
        """

    def drop(self, connection_id: str, chat: str) -> None:
        """Forget a chat; one that is unknown is a repetition."""

    def close(self, connection_id: str) -> None:
        """Forget a connection; one that is unknown is a repetition."""

    def of_key(self, key_id: str, since: float, limit: int) -> Sequence[str]:
        """Up to `limit` connections of a key that were opened since an epoch second, read consistently."""

    def strangers(self, before: float, limit: int) -> Sequence[str]:
        """Up to `limit` connections opened before an epoch second that nobody was admitted on; the index may lag."""


class Transport(Protocol):
    """Sends to connections, one frame at a time. Never tries twice; raises `Misconfigured` alone."""

    def send(self, connection_id: str, frame: bytes) -> Delivery:
        """Send one text frame of at most 32 KB; what came of it within a few seconds."""

    def close(self, connection_id: str) -> None:
        """End a connection; one that is gone already is a repetition, and one that cannot be reached stays."""


class Wire(Protocol):
    """How answers are written. A piece is one chunk as it is sent, whoever sends it; no frame is above 32 KB."""

    def opening(self, head: Head) -> bytes:
        """The piece that comes before the model's first word."""

    def pieces(self, head: Head, delta: Delta) -> Sequence[bytes]:
        """What is said of a delta: none, or several where it is long."""

    def said(self, pieces: Iterable[bytes]) -> Completion:
        """The answer that pieces are of, as far as they go."""

    def accepted(self, chat: str, job: str | None) -> bytes:
        """The frame that says that work was taken; without a job, its answer follows at once."""

    def chunk(self, chat: str, number: int, piece: bytes) -> bytes:
        """The frame of a piece."""

    def done(self, chat: str, last: int, usage: Usage) -> bytes:
        """The frame that ends a whole answer."""

    def broken(self, chat: str, job: Job) -> bytes:
        """The frame that says why a job that is over has no whole answer."""
