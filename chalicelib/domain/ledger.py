"""What a reservation demands of the ledger, and what it is told where the ledger has less."""

from __future__ import annotations

from msgspec import Struct

from chalicelib.domain.budget import METERS, WINDOWS, Limit, Meter, Period, Subject, describe, period, size
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.identity import Credential, Principal
from chalicelib.domain.turn import Reservation


class Demand(Struct, frozen=True):
    """Room for `asked` of `meter` under one limit in one period; what is not asked for is not demanded."""

    limit: Limit
    meter: Meter
    period: Period
    asked: int

    @property
    def room(self) -> int:
        """The most that may have been used before; below zero the charge never fits."""
        return (size(self.limit, self.meter) or 0) - self.asked

    def refusal(self, used: int, now: int) -> LimitExceeded:
        """The error for a caller who finds `used` of the limit gone."""
        return LimitExceeded(
            limit=describe(self.limit, self.meter),
            remaining=self.room + self.asked - used,
            asked=self.asked,
            retry_after_seconds=max(1, self.period.ends - now),
        )


def demands(reservation: Reservation) -> tuple[Demand, ...]:
    """Everything that must have room, in the order of the limits; `LimitExceeded` where none ever can."""
    periods = {window: period(window, reservation.made_at) for window in WINDOWS}
    charged = {subject.kind for subject in reservation.subjects}
    wanted = tuple(
        Demand(limit, meter, periods[limit.window], asked)
        for limit in reservation.limits
        if limit.subject in charged
        for meter in METERS
        if (asked := reservation.charge.of(meter)) and size(limit, meter) is not None
    )
    for demand in wanted:
        if demand.room < 0:
            raise demand.refusal(0, reservation.made_at)
    return wanted


def subjects_of(caller: Credential | Principal) -> tuple[Subject, Subject, Subject]:
    """Who is charged for a call: the key, its user and its tenant."""
    return (
        Subject("key", caller.key_id),
        Subject("user", caller.user_tag),
        Subject("tenant", caller.tenant_tag),
    )


def owner_of(subjects: tuple[Subject, ...]) -> str:
    """Whose conversations they are, as `Principal.owner` names it."""
    tags = {subject.kind: subject.tag for subject in subjects}
    return f"{tags['tenant']}.{tags['user']}"
