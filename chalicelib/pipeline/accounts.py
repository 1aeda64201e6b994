"""Who used what: a caller's own figures, and an administrator's view of a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from chalicelib.domain.budget import Limit, Subject
from chalicelib.domain.identity import Key, tenant_tag, user_tag
from chalicelib.domain.keys import Found, Wanted
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Caller
from chalicelib.domain.usage import Line, report
from chalicelib.ports import Keys


class Account(Struct, frozen=True):
    """What one key used."""

    key: Key
    lines: tuple[Line, ...]


class Statement(Struct, frozen=True):
    """What a tenant, or one user of it, used in all, and key by key."""

    total: tuple[Line, ...]
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Reads the ledger; charges nothing."""

    keys: Keys

    def own(self, caller: Caller) -> tuple[Line, ...]:
        """What the caller's key, user and tenant used, and what the plan in force leaves them."""
        subjects = subjects_of(caller.principal)
        return report(subjects, self.keys.uses(subjects, caller.now), caller.plan.limits, caller.now)

    def of_page(self, wanted: Wanted, found: Found, now: float) -> Statement:
        """What a page of keys used, and their owner in all; the owner has the limits of the tenant's own plan."""
        own, of_plan = self._limits(wanted.tenant)
        subjects = {key.key_id: Subject("key", key.key_id) for key in found.keys}
        owner = _owner(wanted)
        uses = self.keys.uses((owner, *subjects.values()), now)
        return Statement(
            report((owner,), uses, own, now),
            tuple(
                Account(key, report((subjects[key.key_id],), uses, (*of_plan.get(key.plan, ()), *own), now))
                for key in found.keys
            ),
        )

    def _limits(self, tenant: str) -> tuple[tuple[Limit, ...], dict[str, tuple[Limit, ...]]]:
        """The limits of the tenant's own plan, and those of every plan by name."""
        of_plan = {name: plan.limits for name, plan in self.keys.plans().items()}
        record = self.keys.tenant(tenant)
        return of_plan.get(record.plan or "", ()) if record else (), of_plan


def _owner(wanted: Wanted) -> Subject:
    if wanted.user is None:
        return Subject("tenant", tenant_tag(wanted.tenant))
    return Subject("user", user_tag(wanted.tenant, wanted.user))
