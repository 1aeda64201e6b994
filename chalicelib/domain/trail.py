"""Who changed what: events that are added, and never changed. None has a secret, a prompt or an answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import Plan
from chalicelib.domain.entries import Purge
from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.turn_ids import started

END_OF_TIME: Final = 253_402_300_799  # the last second of the year 9999, as far as ids sort
KEPT_SECONDS: Final = 400 * 86_400
MOST_READ: Final = 1_000  # events that one page looks through for what is wanted
WINDOW_SECONDS: Final = 60  # in which a key's refused attempts at one route are one event
_DIGITS: Final = 8  # of an id: they tell the events of one call apart
_OF_A_KEY: Final = ("plan", "scopes", "expires_at")

Action = Literal[
    "attempt",
    "cache.purge",
    "key.create",
    "key.expire",
    "key.revoke",
    "key.rotate",
    "plan.delete",
    "plan.put",
    "tenant.update",
    "user.erase",
]
Outcome = Literal["done", "refused"]
Changes = dict[str, Any]
Whose = tuple[str, str | None]
"""A tenant, or one user of it."""


class Actor(Struct, frozen=True):
    """The key that acts, and whose it is."""

    key_id: str
    tenant: str
    user: str


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change, or one refused attempt. `object` is what it was done to, `tenant` and `user` whose that is.

    Without an actor somebody did it who has rights in the account, by the command that `source` names.
    """

    id: str
    at: int
    action: Action
    object: str
    source: str
    request_id: str
    actor: Actor | None = None
    outcome: Outcome = "done"
    tenant: str | None = None
    user: str | None = None
    changes: Changes = {}


class By(Struct, frozen=True):
    """What all events of one call have in common; `call` is an id that no other call has, and tells when."""

    call: str
    at: float
    source: str
    request_id: str
    actor: Actor | None = None

    def did(self, action: Action, thing: str, changes: Changes | None = None, *, whose: Whose | None = None) -> Event:
        """The event that this was done to `thing` of a tenant, or of its user; it has an id of its own in this call."""
        mark = hashlib.sha256(f"{action}\x00{thing}".encode()).hexdigest()[:_DIGITS]
        return Event(
            id=self.call + mark,
            at=int(self.at),
            action=action,
            object=thing,
            source=self.source,
            request_id=self.request_id,
            actor=self.actor,
            tenant=whose[0] if whose else None,
            user=whose[1] if whose else None,
            changes=changes or {},
        )


class Search(Struct, frozen=True):
    """A page of events, newest first; `since` and `before` are epoch seconds, `after` is where the last page ended."""

    tenant: str | None = None
    user: str | None = None
    action: Action | None = None
    since: int = 0
    before: int = END_OF_TIME
    after: str | None = None
    limit: int = 20

    @property
    def bounds(self) -> tuple[str, str]:
        """The first id that is wanted, and the one that is too late."""
        end = started(self.before)
        return started(self.since), end if self.after is None else min(end, self.after)

    def wants(self, event: Event) -> bool:
        """Whether it is about the tenant and user, or by them."""
        parties = [(event.tenant, event.user)]
        if event.actor is not None:
            parties.append((event.actor.tenant, event.actor.user))
        return self.action in {None, event.action} and any(
            self.tenant in {None, tenant} and self.user in {None, user} for tenant, user in parties
        )


class Found(Struct, frozen=True):
    """A page of events, and the id after which the next one goes on, if there may be one."""

    events: Sequence[Event]
    next: str | None = None


def refused(by: By, route: str) -> Event:
    """The event that a key may not use a route: the same for all attempts within a minute."""
    begin = int(by.at // WINDOW_SECONDS) * WINDOW_SECONDS
    who = by.actor.key_id if by.actor else ""
    mark = hashlib.sha256(f"{who}\x00{route}".encode()).hexdigest()
    name = started(begin) + mark[: len(by.call) + _DIGITS - len(started(begin))]
    owner = by.actor or Actor("", "", "")
    return Event(
        id=name,
        at=begin,
        action="attempt",
        object=route,
        source=by.source,
        request_id=by.request_id,
        actor=by.actor,
        outcome="refused",
        tenant=owner.tenant,
        user=owner.user,
    )


def page_of(events: Iterable[Event], search: Search) -> Found:
    """The page among events that come newest first; short where few of the many that it looks through are wanted."""
    page: list[Event] = []
    last = None
    for read, event in enumerate(events):
        if len(page) == search.limit or read == MOST_READ:
            return Found(page, last)
        last = event.id
        if search.wants(event):
            page.append(event)
    return Found(page)


def key_made(by: By, key: Key, in_place_of: str | None = None) -> Event:
    """The event that there is a new key; its name is a person's note, and stays out."""
    changes = {name: _plain(getattr(key, name)) for name in _OF_A_KEY}
    if in_place_of is not None:
        changes["in_place_of"] = in_place_of
    return by.did("key.rotate" if in_place_of else "key.create", key.key_id, changes, whose=(key.tenant, key.user))


def key_ended(by: By, action: Action, key: Key) -> Event:
    """The event that a key is good no more, or not for long."""
    return by.did(action, key.key_id, {"expires_at": key.expires_at}, whose=(key.tenant, key.user))


def plan_put(by: By, old: Plan | None, new: Plan) -> Event:
    """The event that there is a plan, or another of that name."""
    return by.did("plan.put", new.name, plan_changes(old, new))


def plan_changes(old: Plan | None, new: Plan) -> Changes:
    """The fields of a plan that became something else."""
    return {
        name: _plain(value)
        for name, value in msgspec.structs.asdict(new).items()
        if old is None or getattr(old, name) != value
    }


def tenant_updated(by: By, old: Tenant, new: Tenant) -> Event:
    """The event that a tenant's record became another."""
    return by.did("tenant.update", new.tenant, tenant_changes(old, new), whose=(new.tenant, None))


def tenant_changes(old: Tenant, new: Tenant) -> Changes:
    """What became of a tenant: of a webhook its host alone, since a path may be a secret."""
    changes: Changes = {name: getattr(new, name) for name in ("plan", "home") if _differs(name, old, new)}
    if _differs("webhook", old, new):
        hook, before = new.webhook, old.webhook
        changes["webhook"] = urlsplit(hook.url).hostname if hook else None
        if hook and (before is None or hook.secrets[0] != before.secrets[0]):
            changes["webhook_is_signed_anew"] = True
    return changes


def purge_changes(purge: Purge) -> Changes:
    """What narrowed a purge."""
    narrowed = {"model": purge.model, "prefix": purge.prefix, "before": purge.before}
    return {name: value for name, value in narrowed.items() if value is not None}


def _differs(name: str, old: Tenant, new: Tenant) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(sorted(value) if isinstance(value, frozenset) else value)
