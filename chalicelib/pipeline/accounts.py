"""Who used what: a caller's own figures, and an administrator's view of a tenant."""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import Struct

from chalicelib.domain.budget import Limit, Subject
from chalicelib.domain.identity import Key, tenant_tag, user_tag
from chalicelib.domain.jobs import Queue, queue_of
from chalicelib.domain.keys import Found, Wanted
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Caller
from chalicelib.domain.usage import Day, Line, Past, report
from chalicelib.ports import Jobs, Keys
from chalicelib.ports.history import UsageHistory


class Own(Struct, frozen=True):
    """What a caller used, and how many wait in the tenant's line; if asked for, `past` and the user's `days`."""

    lines: tuple[Line, ...]
    queue: Queue
    past: tuple[Past, ...] | None
    days: tuple[Day, ...] | None


class Account(Struct, frozen=True):
    """What one key used."""

    key: Key
    lines: tuple[Line, ...]


class Statement(Struct, frozen=True):
    """What a tenant, or one user of it, used in all, and key by key; else as `Own`."""

    total: tuple[Line, ...]
    accounts: tuple[Account, ...]
    queue: Queue
    past: tuple[Past, ...] | None
    days: tuple[Day, ...] | None


@dataclass(frozen=True, slots=True)
class Accounts:
    """Reads the ledger; charges nothing."""

    keys: Keys
    history: UsageHistory
    jobs: Jobs

    def own(self, caller: Caller, *, with_past: bool = False) -> Own:
        """What the caller's key, user and tenant used, and what the plan in force leaves them."""
        subjects, now = subjects_of(caller.principal), caller.now
        _, user, _ = subjects
        lines = report(subjects, self.keys.uses(subjects, now), caller.plan.limits, now)
        earlier = self._earlier(subjects, user, now) if with_past else (None, None)
        return Own(lines, self._queue(caller.principal.tenant, now), *earlier)

    def of_page(self, wanted: Wanted, found: Found, now: float, *, with_past: bool = False) -> Statement:
        """What a page of keys used, and their owner in all; the owner has the limits of the tenant's own plan."""
        own, of_plan = self._limits(wanted.tenant)
        subjects = {key.key_id: Subject("key", key.key_id) for key in found.keys}
        owner = _owner(wanted)
        uses = self.keys.uses((owner, *subjects.values()), now)
        earlier = self._earlier((owner,), owner if wanted.user else None, now) if with_past else (None, None)
        return Statement(
            report((owner,), uses, own, now),
            tuple(
                Account(key, report((subjects[key.key_id],), uses, (*of_plan.get(key.plan, ()), *own), now))
                for key in found.keys
            ),
            self._queue(wanted.tenant, now),
            *earlier,
        )

    def _queue(self, tenant: str, now: float) -> Queue:
        return queue_of(self.jobs.line(tenant_tag(tenant)), now)

    def _earlier(
        self, subjects: tuple[Subject, ...], user: Subject | None, now: float
    ) -> tuple[tuple[Past, ...], tuple[Day, ...] | None]:
        """What the subjects used before, and what became of a user's turns; nothing tells that of a tenant."""
        days = None if user is None else tuple(self.history.days(user, now))
        return tuple(self.history.past(subjects, now)), days

    def _limits(self, tenant: str) -> tuple[tuple[Limit, ...], dict[str, tuple[Limit, ...]]]:
        """The limits of the tenant's own plan, and those of every plan by name."""
        of_plan = {name: plan.limits for name, plan in self.keys.plans().items()}
        record = self.keys.tenant(tenant)
        return of_plan.get(record.plan or "", ()) if record else (), of_plan


def _owner(wanted: Wanted) -> Subject:
    if wanted.user is None:
        return Subject("tenant", tenant_tag(wanted.tenant))
    return Subject("user", user_tag(wanted.tenant, wanted.user))
