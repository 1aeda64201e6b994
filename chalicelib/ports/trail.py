"""What is kept of changes: the ports that change something take an event, and write both or neither."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.trail import Event, Found, Search

NoteOfKey = Callable[[Key], Event]
"""The event that a key became what it is now."""
NoteOfTenant = Callable[[Tenant, Tenant], Event]
"""The event that a tenant's record became another."""


class Events(Protocol):
    """The audit trail, to which events are added. May raise `StoreUnavailable`."""

    def add(self, event: Event) -> None:
        """Keep an event of its own; where one of its id is kept already, that stays as it is."""

    def page(self, search: Search) -> Found:
        """Events newest first; a new one may take moments to be listed."""
