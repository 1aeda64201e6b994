"""Open connections in memory."""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

import msgspec

from chalicelib.domain.identity import Credential
from chalicelib.domain.sockets import Connection


class MemoryConnections:
    """`Connections` in a dict behind one lock."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._open: dict[str, Connection] = {}

    def open(self, connection: Connection) -> None:
        """As it is."""
        self._open[connection.id] = connection

    def hear(self, connection_id: str) -> Connection | None:
        """Under the lock, like every change."""
        with self._lock:
            known = self._open.get(connection_id)
            return known and self._change(known, messages=known.messages + 1)

    def admit(self, connection: Connection, credential: Credential) -> bool:
        """Compares whole credentials."""
        with self._lock:
            known = self._open.get(connection.id)
            if known is None or known.credential not in {None, credential}:
                return False
            self._change(known, credential=credential)
            return True

    def take(self, connection_id: str, chat: str, job: str, most: int) -> bool:
        """Looks, then writes."""
        with self._lock:
            known = self._open.get(connection_id)
            if known is None or known.chats.get(chat, job) != job:
                return False
            if chat not in known.chats and len(known.chats) >= most:
                return False
            self._change(known, chats={**known.chats, chat: job})
            return True

    def drop(self, connection_id: str, chat: str) -> None:
        """If there is such a chat."""
        with self._lock:
            known = self._open.get(connection_id)
            if known is not None:
                self._change(known, chats={name: job for name, job in known.chats.items() if name != chat})

    def close(self, connection_id: str) -> None:
        """If it is there."""
        self._open.pop(connection_id, None)

    def of_key(self, key_id: str, since: float, limit: int) -> Sequence[str]:
        """Looks at all of them."""
        with self._lock:
            known = [each for each in self._open.values() if each.credential and each.credential.key_id == key_id]
        return [each.id for each in known if each.opened_at >= since][:limit]

    def strangers(self, before: float, limit: int) -> Sequence[str]:
        """At this very moment."""
        with self._lock:
            known = [each for each in self._open.values() if each.credential is None]
        return [each.id for each in known if each.opened_at < before][:limit]

    def _change(self, known: Connection, **changes: Any) -> Connection:
        self._open[known.id] = changed = msgspec.structs.replace(known, **changes)
        return changed
