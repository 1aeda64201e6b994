"""What a reservation demands of the ledger, and what it is told where the ledger has less."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from msgspec import Struct

from chalicelib.domain.budget import (
    METERS,
    WINDOWS,
    Balances,
    Charge,
    Gauge,
    Limit,
    Meter,
    Period,
    Subject,
    describe,
    period,
    size,
    written,
)
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.identity import Credential, Principal
from chalicelib.domain.turn import LeaseState, Reservation

NOTHING: Final = Charge()
BUSY_SECONDS: Final = 1  # when to ask again for a place among the concurrent requests


class Demand(Struct, frozen=True):
    """Room for `asked` of `meter` under one limit in one period; what is not asked for is not demanded.

    `away` is gone from the limit in places that the ledger at hand does not count.
    """

    limit: Limit
    meter: Meter
    period: Period
    asked: int
    away: int = 0

    @property
    def most(self) -> int:
        """How much the limit allows in all."""
        return size(self.limit, self.meter) or 0

    @property
    def room(self) -> int:
        """The most that may have been used before; below zero the charge does not fit."""
        return self.most - self.asked - self.away

    def never(self) -> LimitExceeded:
        """The error for a charge that is larger than the whole limit, whatever was used of it."""
        return self._refused(left=None, wait=None)

    def refusal(self, used: int, now: int) -> LimitExceeded:
        """The error for a caller who finds `used` of the limit gone."""
        left, wait = self.most - self.away - used, max(1, self.period.ends - now)
        refused = self._refused(left, wait)
        refused.gauge = self.meter, Gauge(self.most, max(0, left), wait)
        return refused

    def _refused(self, left: int | None, wait: int | None) -> LimitExceeded:
        return LimitExceeded(
            limit=describe(self.limit, self.meter),
            remaining=left,
            asked=self.asked,
            retry_after_seconds=wait,
            written=partial(written, meter=self.meter),
        )


class Step(Struct, frozen=True):
    """What one step of a reservation adds to the counters of each subject; parts may be negative.

    `used` goes to the windows of the reservation, `held` is what is reserved and not yet settled, `open` counts the
    key's running turns, `saved` is what an answer from the cache would have burned.
    """

    used: Charge = NOTHING
    held: Charge = NOTHING
    open: int = 0
    saved: Charge = NOTHING


def opening(reservation: Reservation) -> Step:
    """What reserving adds."""
    if reservation.final:
        return Step(reservation.charge, saved=reservation.saved)
    return Step(reservation.charge, held=_holding(reservation.charge), open=1)


def closing(reservation: Reservation, state: LeaseState, used: Charge) -> Step:
    """What ending a reservation that is in `state` with `used` adds: one that expired holds nothing any more."""
    correction = used - reservation.charge
    if state != "open":
        return Step(correction)
    return Step(correction, held=NOTHING - _holding(reservation.charge), open=-1)


def refuse_busy(most: int, running: int) -> LimitExceeded:
    """The error for a caller who finds `running` of the key's `most` concurrent requests."""
    return LimitExceeded(
        limit=f"concurrent requests of the key ({most})",
        remaining=most - running if most else None,
        asked=1,
        retry_after_seconds=BUSY_SECONDS if most else None,
    )


def _holding(charge: Charge) -> Charge:
    return Charge(0, charge.tokens, charge.usd_micros)


def demands(reservation: Reservation) -> tuple[Demand, ...]:
    """Everything that must have room, in the order of the limits.

    `LimitExceeded` where none can in this window, or what was seen says that there is none now.
    """
    periods = {window: period(window, reservation.made_at) for window in WINDOWS}
    charged = {subject.kind for subject in reservation.subjects}
    wanted = tuple(
        Demand(limit, meter, periods[limit.window], asked, away(reservation, limit, meter))
        for limit in reservation.limits
        if limit.subject in charged
        for meter in METERS
        if (asked := reservation.charge.of(meter)) and size(limit, meter) is not None
    )
    for demand in wanted:
        if demand.asked > demand.most:
            raise demand.never()
        if demand.room < 0:
            raise demand.refusal(0, reservation.made_at)
    if counts(reservation) and reservation.concurrent == 0:
        raise refuse_busy(0, 0)
    _look(reservation, wanted)
    return wanted


def _look(reservation: Reservation, wanted: tuple[Demand, ...]) -> None:
    """`LimitExceeded` for the first that finds no room in what was seen, as the ledger would say at that moment."""
    for demand in wanted if reservation.seen else ():
        used = reservation.seen.get((demand.limit.subject, demand.limit.window), NOTHING).of(demand.meter)
        if used > demand.room:
            raise demand.refusal(used, reservation.made_at)


def is_spent(limits: Sequence[Limit], used: Balances) -> bool:
    """Whether some limit has no request left, so that not even what burns nothing is to be had."""
    return any(
        each.requests is not None and used.get((each.subject, each.window), NOTHING).requests >= each.requests
        for each in limits
    )


def away(reservation: Reservation, limit: Limit, meter: Meter) -> int:
    """How much of a limit is gone elsewhere."""
    where = (limit.subject, limit.window)
    return sum(each.used.of(meter) for each in reservation.away if (each.subject, each.window) == where)


def counts(reservation: Reservation) -> bool:
    """Whether the reservation takes one of the key's places for concurrent requests; 0 of them admit nothing."""
    return reservation.concurrent is not None and not reservation.final


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
