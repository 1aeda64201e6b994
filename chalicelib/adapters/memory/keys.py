"""Keys and plans in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.identity import Key, Tenant, state_of, tenant_tag
from chalicelib.domain.trail import Event
from chalicelib.domain.usage import Uses
from chalicelib.ports.trail import NoteOfKey, NoteOfTenant


class MemoryKeys:
    """`Keys` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, key: Key, note: Event | None = None) -> None:
        """An equal key is a repetition."""
        with self._shelf.lock:
            if self._shelf.keys.setdefault(key.key_id, key) != key:
                raise Conflict(f"A key with id '{key.key_id}' exists already.")
            self._shelf.note(note)

    def get(self, key_id: str) -> Key | None:
        """The key."""
        with self._shelf.lock:
            return self._shelf.keys.get(key_id)

    def list(self, tenant: str, user: str | None, *, after: str | None, limit: int) -> tuple[Sequence[Key], bool]:
        """Sorted anew for each page."""
        with self._shelf.lock:
            mine = [key for key in self._shelf.keys.values() if key.tenant == tenant and user in {None, key.user}]
        ahead = sorted((key for key in mine if key.key_id > (after or "")), key=lambda key: key.key_id)
        return ahead[:limit], len(ahead) > limit

    def revoke(self, key_id: str, at: int, note: NoteOfKey | None = None) -> Key:
        """The first moment counts."""
        with self._shelf.lock:
            key = self._key(key_id)
            new = key if key.revoked_at is not None else msgspec.structs.replace(key, revoked_at=at)
            return self._keep(key, new, note)

    def expire(self, key_id: str, at: int, note: NoteOfKey | None = None) -> Key:
        """The earliest moment counts."""
        with self._shelf.lock:
            key = self._key(key_id)
            until = at if key.expires_at is None else min(key.expires_at, at)
            return self._keep(key, msgspec.structs.replace(key, expires_at=until), note)

    def put_plan(self, plan: Plan, note: Event | None = None) -> None:
        """In force at once."""
        with self._shelf.lock:
            self._shelf.plans[plan.name] = plan
            self._shelf.note(note)

    def plans(self) -> dict[str, Plan]:
        """A copy."""
        with self._shelf.lock:
            return dict(self._shelf.plans)

    def drop_plan(self, name: str, note: Event | None = None) -> None:
        """Gone at once."""
        with self._shelf.lock:
            self._shelf.plans.pop(name, None)
            self._shelf.note(note)

    def is_used(self, plan: str, now: float) -> bool:
        """Seen at once."""
        with self._shelf.lock:
            keys = [key for key in self._shelf.keys.values() if key.plan == plan]
            tenants = {tenant.plan for tenant in self._shelf.tenants.values()}
            return plan in tenants or any(state_of(key, now) == "active" for key in keys)

    def change_tenant(
        self, tenant: str, change: Callable[[Tenant], Tenant], note: NoteOfTenant | None = None
    ) -> Tenant:
        """By name."""
        with self._shelf.lock:
            old = self._shelf.tenants.get(tenant)
            new = self._shelf.tenants[tenant] = change(old or Tenant(tenant))
            if note is not None and new != old:
                self._shelf.note(note(old or Tenant(tenant), new))
            return new

    def tenant(self, tenant: str) -> Tenant | None:
        """The record."""
        with self._shelf.lock:
            return self._shelf.tenants.get(tenant)

    def tagged_tenant(self, tag: str) -> Tenant | None:
        """Found among all."""
        with self._shelf.lock:
            return next((each for each in self._shelf.tenants.values() if tenant_tag(each.tenant) == tag), None)

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """The windows of `now`."""
        with self._shelf.lock:
            return self._shelf.balances(subjects, now)

    def uses(self, subjects: Sequence[Subject], now: float) -> Uses:
        """Subject by subject."""
        with self._shelf.lock:
            return {subject: self._shelf.uses(subject, now) for subject in subjects}

    def _key(self, key_id: str) -> Key:
        if key_id not in self._shelf.keys:
            raise NotFound("key", key_id)
        return self._shelf.keys[key_id]

    def _keep(self, old: Key, new: Key, note: NoteOfKey | None) -> Key:
        self._shelf.keys[new.key_id] = new
        if note is not None and new != old:
            self._shelf.note(note(new))
        return new
