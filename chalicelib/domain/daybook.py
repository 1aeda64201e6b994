"""What became of turns: what is told of each in its user's days, by model and outcome.

A turn is told when it is over, in the write that ends it: hence once, whoever repeats that. What has no note, as an
older version reserved it, is not told.
"""

from __future__ import annotations

from threading import Lock
from typing import Final

import msgspec

from chalicelib.domain.budget import Charge, Period, Subject, period
from chalicelib.domain.turn import LeaseState, Reservation, Settlement
from chalicelib.domain.usage import DAYS_BACK, Outcome, Tally

Told = dict[Outcome, Tally]
_MOST: Final = 2_000  # users whose refusals a process counts
_DAY_SECONDS: Final = 86_400


def told(reservation: Reservation, state: LeaseState, settlement: Settlement | None = None) -> Told:
    """What is told of a reservation in a state; a further attempt of a turn costs, and is no turn."""
    note, charge = reservation.note, reservation.charge
    if note is None or state == "open":
        return {}
    if state == "released":
        return _each("failed", Tally(turns=charge.requests))
    if state == "settled" and reservation.final and charge.requests:
        saved = Tally(saved_tokens=reservation.saved.tokens, saved_usd_micros=reservation.saved.usd_micros)
        return {note.outcome: _spent(charge, note.output_tokens) + saved}
    if state == "settled" and settlement is not None and settlement.output_tokens is not None:
        burned = msgspec.structs.replace(settlement.charge, requests=charge.requests)
        return {note.outcome: _spent(burned, settlement.output_tokens)}
    return _each("failed", _spent(charge, min(note.output_tokens, charge.tokens)))


def told_at_once(reservation: Reservation) -> Told:
    """What reserving tells: only what is final is over."""
    return told(reservation, "settled") if reservation.final else {}


def change(before: Told, after: Told) -> Told:
    """What makes `after` of `before`."""
    sums = {outcome: after.get(outcome, Tally()) + -before.get(outcome, Tally()) for outcome in {**before, **after}}
    return {outcome: each for outcome, each in sums.items() if each != Tally()}


def day_of(reservation: Reservation) -> Period:
    """The day in which it is told: the one that was charged."""
    return period("day", reservation.made_at)


def user_of(reservation: Reservation) -> Subject:
    """In whose days it is told."""
    return next(subject for subject in reservation.subjects if subject.kind == "user")


def days_told(now: float) -> tuple[Period, ...]:
    """The days that are told at `now`, the oldest first."""
    return tuple(period("day", now - back * _DAY_SECONDS) for back in range(DAYS_BACK, -1, -1))


class RefusedTurns:
    """Turns that limits refused, as one process knows them until it writes for their user again.

    A refusal costs no write. So they are told with the next turn of that user, day and model that is settled here;
    those that none follows are not told at all.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Subject, int, str], int] = {}
        self._lock = Lock()

    def add(self, reservation: Reservation, number: int = 1) -> None:
        """Remember refusals; further attempts of a turn are none."""
        if reservation.note is None or not reservation.charge.requests or not number:
            return
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            place = _place(reservation, reservation.note.model)
            self._known[place] = self._known.get(place, 0) + number

    def take(self, reservation: Reservation) -> Told:
        """What is to be told with a reservation's end, and then forgotten."""
        if reservation.note is None:
            return {}
        with self._lock:
            return _each("refused", Tally(turns=self._known.pop(_place(reservation, reservation.note.model), 0)))


def _place(reservation: Reservation, model: str) -> tuple[Subject, int, str]:
    return user_of(reservation), day_of(reservation).starts, model


def _spent(burned: Charge, output_tokens: int) -> Tally:
    return Tally(burned.requests, burned.tokens - output_tokens, output_tokens, burned.usd_micros)


def _each(outcome: Outcome, tally: Tally) -> Told:
    return {} if tally == Tally() else {outcome: tally}
