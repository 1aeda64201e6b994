"""Keys, plans, and what was used under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.trail import Event
from chalicelib.domain.usage import Uses
from chalicelib.ports.trail import NoteOfKey, NoteOfTenant


class Keys(Protocol):
    """API keys, plans, and which tenant has a plan of its own.

    A change and its `note` for the audit trail are written together or not at all; what changes nothing notes nothing.
    """

    def put(self, key: Key, note: Event) -> None:
        """Store a new key; `Conflict` if its id exists. An equal key is a repetition."""

    def get(self, key_id: str) -> Key | None:
        """The key, read consistently."""

    def list(self, tenant: str, user: str | None, *, after: str | None, limit: int) -> tuple[Sequence[Key], bool]:
        """Keys of a tenant, or of one user of it, in the order of their ids, and whether there are more.

        `after` is an id, of a key that need not exist. Each key is read consistently; a new one may take moments
        to be listed.
        """

    def revoke(self, key_id: str, at: int, note: NoteOfKey) -> Key:
        """The key once it is revoked: since `at`, unless it was before. The next `recall` sees it. `NotFound`."""

    def expire(self, key_id: str, at: int, note: NoteOfKey) -> Key:
        """The key once it expires: at the epoch second `at`, or when it would have before. `NotFound`."""

    def put_plan(self, plan: Plan, note: Event) -> None:
        """Store a plan under its name, replacing what was there. In force everywhere within 30 seconds."""

    def plans(self) -> dict[str, Plan]:
        """Every plan by name, read consistently."""

    def drop_plan(self, name: str, note: Event) -> None:
        """Remove a plan; one that is not there is a repetition."""

    def is_used(self, plan: str, now: float) -> bool:
        """Whether a tenant or a key that is good at `now` has the plan; given moments ago, it may not be seen."""

    def change_tenant(self, tenant: str, change: Callable[[Tenant], Tenant], note: NoteOfTenant) -> Tenant:
        """Store what `change` makes of a tenant's record, an empty one if it had none; no other change is lost.

        Of two callers that make the same of the same, one may be taken for a repetition of the other.
        """

    def tenant(self, tenant: str) -> Tenant | None:
        """A tenant's record, read consistently."""

    def tagged_tenant(self, tag: str) -> Tenant | None:
        """The record of the tenant with a tag, read consistently."""

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """What the subjects have used in the current windows, one subject of each kind."""

    def uses(self, subjects: Sequence[Subject], now: float) -> Uses:
        """What each of any number of subjects has used in the current windows, held and saved."""
