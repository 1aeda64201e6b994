"""Which Region is home to whom, until when that is known, and what may have been used in a home of before.

A tenant's home is a Region's name. Where its turns are admitted is the home's *seat*, which an operator moves. A Region
may admit turns while its *register* says so: that is written once a minute, and good for three.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import (
    METERS,
    WINDOWS,
    Balances,
    Charge,
    Limit,
    Meter,
    Period,
    Subject,
    SubjectKind,
    Window,
    period,
    size,
)
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.turn import Reservation

TENURE_SECONDS: Final = 180  # that a register is good for: three renewals, of which two may fail
ARRIVAL_SECONDS: Final = 175  # in which a reservation reaches the table, once it was stamped (ADR 0009)
CLOCK_SECONDS: Final = 30  # by which clocks may differ, and which writing a seat may take
HANDOVER_SECONDS: Final = TENURE_SECONDS + ARRIVAL_SECONDS + CLOCK_SECONDS
ORDER_SECONDS: Final = 60  # by which one item overtakes another on its way to another Region
GAP_SECONDS: Final = 180  # between two registers that arrive: more, and something was held up
CATCH_UP_SECONDS: Final = 600  # in which what was held up arrives, once anything does
MEMORY_SECONDS: Final = 32 * 86_400  # after which no window is left that a Region of before may have charged
NUMBERS: Final = 1_000_000  # turns of one conversation in one tenure, more than anybody has


class HomeElsewhere(TidegateError):
    """Another Region is home to the caller's tenant."""


class HomeAway(HomeElsewhere):
    """That Region does not answer, or the home is being moved."""

    def __init__(self, message: str, *, retry_after_seconds: int = 30) -> None:
        """Say when to come back."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class Stay(Struct, frozen=True):
    """A Region that was home before: it charged nothing before `since`, and nothing from `until` on."""

    region: str
    since: int
    until: int


class Seat(Struct, frozen=True):
    """Where the tenants of a home are served, from the epoch second `since` on; each move has an `epoch` of its own."""

    home: str
    at: str
    epoch: int = 0
    since: int = 0
    before: tuple[Stay, ...] = ()

    @property
    def floor(self) -> int:
        """The number that a conversation's turns begin behind, so that none is given twice whatever arrives late."""
        return self.epoch * NUMBERS


class Heard(Struct, frozen=True):
    """What a Region hears of another: the `latest` register that arrived, and `since` when one has followed another.

    What was written before `whole`, less the time by which items overtake each other, has arrived.
    """

    latest: int
    since: int
    whole: int | None = None


class Register(Struct, frozen=True):
    """What a Region knew at `renewed_at`, and admits turns by until `until`; `heard` is what it hears of others."""

    renewed_at: int
    until: int
    seats: dict[str, Seat]
    heard: dict[str, Heard]

    def seat(self, home: str) -> Seat:
        """The seat of a home; one that never moved is at home."""
        return self.seats.get(home) or Seat(home, home)


class Blind(Struct, frozen=True):
    """The time for which a Region of before may have charged what is not seen here."""

    starts: int
    ends: int

    def share(self, within: Period) -> Blind:
        """The part of it that falls into a period; it may be empty."""
        return Blind(max(self.starts, within.starts), min(self.ends, within.ends))

    @property
    def is_over(self) -> bool:
        """Whether there is none of it."""
        return self.starts >= self.ends

    def touched(self, window: Window) -> int:
        """How many minutes or days have a part in it."""
        seconds = 60 if window == "minute" else 86_400
        return (self.ends - 1) // seconds - self.starts // seconds + 1


class Rules(Struct, frozen=True):
    """The limits of a turn: `mine` are its own, `own` its tenant's plan's, `plans` those of each plan there is."""

    mine: tuple[Limit, ...]
    own: tuple[Limit, ...] = ()
    plans: tuple[tuple[Limit, ...], ...] = ()

    def pace(self, kind: SubjectKind, window: Window, meter: Meter) -> int | None:
        """The most that a subject may use in a window, whichever key is used; None where nothing says so.

        A key has one plan. A user or a tenant has keys with other plans, of which the widest counts.
        """
        if kind == "key":
            return _most(self.mine, kind, window, meter)
        known = [_most(each, kind, window, meter) for each in self.plans]
        sizes = [each for each in known if each is not None]
        widest = max(sizes) if sizes and len(sizes) == len(known) else None
        own = _most(self.own, kind, window, meter)
        return min((each for each in (own, widest) if each is not None), default=None)


class Alone:
    """The fence of a single Region: whoever calls is at home, and nothing is counted elsewhere."""

    def admit(self, claim: Reservation) -> Reservation:
        return claim

    def floor(self, tenant_tag: str) -> int:  # noqa: ARG002 - whoever it is
        return 0


ALONE: Final = Alone()


def moved(seat: Seat, to: str, now: int) -> Seat:
    """The seat once it is moved: at `to`, from when on nobody else can charge any more."""
    last = Stay(seat.at, seat.since, now + HANDOVER_SECONDS - CLOCK_SECONDS)
    known = {each.region: each for each in seat.before if each.until > now - MEMORY_SECONDS}
    if last.region in known:
        last = msgspec.structs.replace(last, since=known[last.region].since)
    before = tuple((known | {last.region: last}).values())
    return Seat(seat.home, to, seat.epoch + 1, now + HANDOVER_SECONDS, before)


def hearing(known: Heard | None, latest: int, now: int) -> Heard:
    """What is heard of a Region whose `latest` register is seen at `now`.

    After a gap, what was held up comes in any order: nothing more is taken for whole until that has had its time.
    """
    is_gap = known is None or latest - known.latest > GAP_SECONDS
    since = now if known is None or is_gap else known.since
    whole = known.whole if known else None
    return Heard(latest, since, latest if now - since >= CATCH_UP_SECONDS else whole)


def blind(stay: Stay, heard: Heard | None) -> Blind:
    """What is not known to have arrived of a Region of before.

    A charge belongs to the minute in which it was stamped, which may be a while before it was written.
    """
    whole = heard.whole if heard else None
    seen_until = stay.since if whole is None else whole - ORDER_SECONDS - ARRIVAL_SECONDS
    return Blind(max(stay.since, seen_until), stay.until)


def merged(all_used: Iterable[Balances]) -> Balances:
    """What was used in several places."""
    total: Balances = {}
    for used in all_used:
        for where, charge in used.items():
            known = total.get(where, Charge())
            total[where] = Charge(*(known.of(meter) + charge.of(meter) for meter in METERS))
    return total


def held_back(rules: Rules, subject: Subject, seen: Balances, unseen: Blind, now: float) -> Balances:
    """The most that `subject` may have used beside what is `seen`, in the windows of `now` and under its limits.

    All that is left of each limit, unless limits of shorter windows let nobody use more in so much time.
    """
    held: Balances = {}
    for window in WINDOWS:
        whole = period(window, now)
        part = unseen.share(whole)
        if not part.is_over:
            used = seen.get((subject.kind, window), Charge())
            held[subject.kind, window] = Charge(*(_held(rules, subject.kind, part, (window, m), used) for m in METERS))
    return held


def _held(rules: Rules, kind: SubjectKind, part: Blind, limited: tuple[Window, Meter], used: Charge) -> int:
    window, meter = limited
    most = _most(rules.mine, kind, window, meter)
    if most is None:
        return 0
    left = max(0, most - used.of(meter))
    for shorter in WINDOWS[: WINDOWS.index(window)]:
        if (pace := rules.pace(kind, shorter, meter)) is not None:
            left = min(left, pace * part.touched(shorter))
    return left


def _most(limits: Iterable[Limit], kind: SubjectKind, window: Window, meter: Meter) -> int | None:
    sizes = [size(each, meter) for each in limits if (each.subject, each.window) == (kind, window)]
    return min((each for each in sizes if each is not None), default=None)
