"""What subjects used and what is left to them: the arithmetic of the usage reports."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from chalicelib.domain.budget import WINDOWS, Charge, Limit, Meter, Period, Subject, Window, period, size


class Use(Struct, frozen=True):
    """What one subject used in one window.

    `held` is what turns that are still running have reserved, whenever they began; `saved` is what the answers that
    came from the cache would have burned.
    """

    used: Charge = Charge()
    held: Charge = Charge()
    saved: Charge = Charge()


MONTHS_BACK: Final = 12  # what the ledger keeps of a subject, beside the day before


DAYS_BACK: Final = 30  # how many days' outcomes are told besides today's

Outcome = Literal["answered", "queued", "exact", "semantic", "failed", "refused"]
"""What became of a turn: `queued` was answered from the line, `exact` and `semantic` by the cache."""


class Note(Struct, frozen=True, omit_defaults=True):
    """What a reservation is told as: of which model, and as what if it ends well; `output_tokens` is the most.

    Of a `final` one it is what there was.
    """

    model: str
    outcome: Outcome = "answered"
    output_tokens: int = 0


class Tally(Struct, frozen=True):
    """What turns of one outcome came to; parts may be negative where they are added."""

    turns: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd_micros: int = 0
    saved_tokens: int = 0
    saved_usd_micros: int = 0

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        return Tally(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))

    def __neg__(self) -> Tally:
        """What takes it back."""
        return Tally(*(-getattr(self, name) for name in self.__struct_fields__))


class Day(Struct, frozen=True):
    """What a user's turns of one model came to in one day, by what became of them."""

    period: Period
    model: str
    outcomes: dict[Outcome, Tally]


Uses = dict[Subject, dict[Window, Use]]
"""By subject and kind of window, the current ones."""


class Past(Struct, frozen=True):
    """What one subject used in one period, over or not; `saved` is None where nobody knows any more."""

    subject: Subject
    period: Period
    used: Charge
    saved: Charge | None


class Line(Struct, frozen=True):
    """One line of a report: one subject in one period, under any number of limits."""

    subject: Subject
    period: Period
    use: Use
    limits: tuple[Limit, ...] = ()

    def limit(self, meter: Meter) -> int | None:
        """How much of `meter` the period allows: what the tightest limit says; None where there is none."""
        sizes = (size(limit, meter) for limit in self.limits)
        return min((each for each in sizes if each is not None), default=None)

    def remaining(self, meter: Meter) -> int | None:
        """What is left of it; None where there is no limit."""
        limit = self.limit(meter)
        return None if limit is None else max(0, limit - self.use.used.of(meter))


def report(subjects: tuple[Subject, ...], uses: Uses, limits: tuple[Limit, ...], now: float) -> tuple[Line, ...]:
    """A line for each subject and window of `now`, with its limits."""
    return tuple(
        Line(
            subject,
            period(window, now),
            uses.get(subject, {}).get(window, Use()),
            tuple(each for each in limits if (each.subject, each.window) == (subject.kind, window)),
        )
        for subject in subjects
        for window in WINDOWS
    )


def remembered(now: float) -> tuple[Period, ...]:
    """The months and days that are known of every subject, the oldest first; the last of each is the current one."""
    months = [period("month", now)]
    while len(months) <= MONTHS_BACK:
        months.insert(0, period("month", months[0].starts - 1))
    today = period("day", now)
    return (*months, period("day", today.starts - 1), today)


def remembers_savings(one: Period, now: float) -> bool:
    """Whether it is known what the cache saved in a remembered period: of months, in this one and the last."""
    return one.window == "day" or one.ends >= period("month", now).starts
