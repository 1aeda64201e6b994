"""Who is connected: let in from known places only, told apart by their keys, and seen out when those are revoked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chalicelib.domain.errors import Conflict, Forbidden, LimitExceeded, Unauthorized
from chalicelib.domain.identity import Credential
from chalicelib.domain.sockets import (
    AUTH_SECONDS,
    BURST_MESSAGES,
    LIFE_SECONDS,
    MOST_CHATS,
    MOST_CONNECTIONS,
    Connection,
)
from chalicelib.ports import Clock, Jobs
from chalicelib.ports.sockets import Connections, Transport

NO_ORIGIN: Final = "none"  # what the setting calls a client that names none
STRANGERS: Final = 100  # that one sweep shows out
_NO_KEY: Final = 'Send {"type": "auth", "key": …} first.'
_WAITS: Final = (0.05, 0.2, 0.75)  # for an auth that a chat overtook: messages are brought side by side


class Flooded(Exception):
    """So much is sent on a connection that it is to be ended; `fault` is what its client is told."""

    def __init__(self) -> None:
        super().__init__()
        self.fault = _full("messages of the connection at once, and one a second", BURST_MESSAGES)


@dataclass(frozen=True, slots=True)
class Reception:
    """Knows every connection, by what it said of itself. `origins` are the pages that may connect."""

    connections: Connections
    transport: Transport
    jobs: Jobs
    origins: frozenset[str]
    clock: Clock
    pause: Callable[[float], None]

    def open(self, connection_id: str, origin: str | None) -> None:
        """Let a connection in, if it comes from a page that may: `Forbidden` for every other one."""
        if (origin or NO_ORIGIN) not in self.origins:
            raise Forbidden("Connections from this origin are not accepted: see TIDEGATE_ORIGINS.")
        self.connections.open(Connection(id=connection_id, opened_at=self.clock()))

    def heard(self, connection_id: str) -> Connection:
        """Count a message: who sent it. `Flooded` where there are too many."""
        known = self.connections.hear(connection_id)
        if known is None:
            raise Unauthorized("This connection is over: open another.")
        if known.is_flooded(self.clock()):
            raise Flooded
        return known

    def admit(self, connection: Connection, credential: Credential) -> None:
        """Keep whose connection it is; `Conflict` where that is somebody else's already."""
        since = self.clock() - LIFE_SECONDS
        if len(self.connections.of_key(credential.key_id, since, MOST_CONNECTIONS)) >= MOST_CONNECTIONS:
            raise _full("connections at once of the key", MOST_CONNECTIONS)
        if not self.connections.admit(connection, credential):
            raise Conflict("This connection has a key already.")

    def known(self, connection: Connection) -> tuple[Connection, Credential]:
        """The connection and its key; `Unauthorized` where none came, nor comes within a second."""
        for wait in _WAITS:
            if connection.credential is not None:
                break
            self.pause(wait)
            connection = self.connections.hear(connection.id) or connection
        if connection.credential is None:
            raise Unauthorized(_NO_KEY)
        return connection, connection.credential

    def take(self, connection: Connection, chat: str, job: str) -> None:
        """Have a chat run on a connection; `Conflict` for an id that is in use, `LimitExceeded` where many run."""
        if self.connections.take(connection.id, chat, job, MOST_CHATS):
            return
        for name, known in connection.chats.items():
            if self._is_over(known):
                self.connections.drop(connection.id, name)
        if self.connections.take(connection.id, chat, job, MOST_CHATS):
            return
        if chat in connection.chats:
            raise Conflict(f"The chat '{chat}' is being answered on this connection: choose another id.")
        raise _full("chats at once of the connection", MOST_CHATS)

    def drop(self, connection: Connection, chat: str) -> None:
        """Forget a chat that is over."""
        self.connections.drop(connection.id, chat)

    def leave(self, connection_id: str) -> None:
        """Forget a connection that ended."""
        self.connections.close(connection_id)

    def end(self, connection_id: str) -> None:
        """End a connection."""
        self.transport.close(connection_id)
        self.connections.close(connection_id)

    def hang_up(self, connection_id: str) -> None:
        """End a connection of which nothing is written here: API Gateway tells of its end."""
        self.transport.close(connection_id)

    def expel(self, key_id: str) -> int:
        """End every connection of a key; how many that were."""
        found = self.connections.of_key(key_id, 0.0, 2 * MOST_CONNECTIONS)
        for connection_id in found:
            self.end(connection_id)
        return len(found)

    def sweep(self) -> int:
        """End connections that nobody gave a key in time; how many that were. Safe to run twice at once."""
        found = self.connections.strangers(self.clock() - AUTH_SECONDS, STRANGERS)
        for connection_id in found:
            self.end(connection_id)
        return len(found)

    def _is_over(self, job_id: str) -> bool:
        job = self.jobs.get(job_id)
        return job is None or job.over


def _full(what: str, most: int) -> LimitExceeded:
    return LimitExceeded(limit=f"{what} ({most})", remaining=0, asked=1, retry_after_seconds=1)
