"""Who used what: a caller's own figures, and an administrator's view of a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from chalicelib.domain.budget import Plan, Subject
from chalicelib.domain.identity import Key, tenant_tag, user_tag
from chalicelib.domain.keys import Found, Wanted
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Caller
from chalicelib.domain.usage import Line, limits_in_force, report
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
        """What the caller's key, user and tenant used, and what the plans leave them."""
        subjects = subjects_of(caller.principal)
        limits = limits_in_force(caller.plan, self._plan_of(caller.principal.tenant, None))
        return report(subjects, self.keys.uses(subjects, caller.now), limits, caller.now)

    def of_page(self, wanted: Wanted, found: Found, now: float) -> Statement:
        """What a page of keys used, and their owner in all; the total has the limits of the tenant's own plan."""
        plans, tenant, user = self.keys.plans(), wanted.tenant, wanted.user
        owner = Subject("tenant", tenant_tag(tenant)) if user is None else Subject("user", user_tag(tenant, user))
        subjects = {key.key_id: Subject("key", key.key_id) for key in found.keys}
        uses = self.keys.uses((owner, *subjects.values()), now)
        limits = limits_in_force(None, self._plan_of(tenant, plans))
        return Statement(
            report((owner,), uses, limits, now),
            tuple(
                Account(key, report((subjects[key.key_id],), uses, limits_in_force(plans.get(key.plan), None), now))
                for key in found.keys
            ),
        )

    def _plan_of(self, tenant: str, plans: dict[str, Plan] | None) -> Plan | None:
        """The tenant's own plan, if it has one."""
        record = self.keys.tenant(tenant)
        if record is None or record.plan is None:
            return None
        return (self.keys.plans() if plans is None else plans).get(record.plan)
