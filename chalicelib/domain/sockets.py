"""Connections that stay open: who is behind one, what runs on it, and where the pieces of an answer go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from chalicelib.domain.identity import Credential, owner_of_key

MOST_CHATS: Final = 8  # of one connection at once
MOST_CONNECTIONS: Final = 200  # of one key; counted when one is made, so that many made at once may be a few more
AUTH_SECONDS: Final = 10  # how long a connection may go on without a key
LIFE_SECONDS: Final = 7_200  # API Gateway ends every connection then
BURST_MESSAGES: Final = 60  # and one for each second that a connection lasts


class Connection(Struct, frozen=True, kw_only=True):
    """One connection: how many messages came, by which key, and the job of each chat by the id that its caller chose.

    Its credential has the digest that was verified, and no token.
    """

    id: str
    opened_at: float
    messages: int = 0
    credential: Credential | None = None
    chats: Mapping[str, str] = {}

    @property
    def owner(self) -> str:
        """Whose jobs may be heard of on it: nobody's, until there is a key."""
        return owner_of_key(self.credential.key_id) if self.credential else ""

    def is_flooded(self, now: float) -> bool:
        """Whether more was sent than a person, or a program that waits for answers, ever sends."""
        return self.messages > BURST_MESSAGES + now - self.opened_at


def address(connection: str, chat: str) -> str:
    """Where a job's pieces go: to which connection, and under which of its ids. No connection's name has a `#`."""
    return f"{connection}#{chat}"


def parts(address: str) -> tuple[str, str]:
    """The connection and the chat of an address."""
    connection, _, chat = address.partition("#")
    return connection, chat
