"""The audit trail: what it is told beside changes, and what administrators read of it."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chalicelib.domain.cursor import seal, unseal
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.identity import Pepperbox
from chalicelib.domain.trail import KEPT_SECONDS, Actor, By, Found, Search, refused
from chalicelib.ports import Keys
from chalicelib.ports.trail import Events

MOST_KNOWN: Final = 1_000


@dataclass(frozen=True, slots=True)
class Trail:
    """Refused attempts by keys of ours, each once a minute and route, and pages of what was kept."""

    events: Events
    keys: Keys
    peppers: Pepperbox
    _told: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def refused(self, by: By, route: str, key_id: str) -> None:
        """Keep that a key which is right was not enough; where nothing can be kept, it is refused all the same."""
        name = refused(msgspec.structs.replace(by, actor=Actor(key_id, "", "")), route).id
        if name in self._told:
            return
        with suppress(StoreUnavailable):
            key = self.keys.get(key_id)
            if key is not None:
                actor = Actor(key_id, key.tenant, key.user)
                self.events.add(refused(msgspec.structs.replace(by, actor=actor), route))
            self._remember(name)

    def page(self, search: Search, now: float) -> Found:
        """Events newest first; `after` is a cursor of this list."""
        listing = ("audit", *(str(part) for part in (search.tenant, search.user, search.action)))
        listing += (str(search.since), str(search.before))
        since = max(search.since, int(now) - KEPT_SECONDS)
        after = search.after and unseal(search.after, listing, self.peppers)
        found = self.events.page(msgspec.structs.replace(search, since=since, after=after))
        return Found(found.events, found.next and seal(found.next, listing, self.peppers))

    def _remember(self, name: str) -> None:
        self._told[name] = None
        if len(self._told) > MOST_KNOWN:
            self._told.popitem(last=False)
