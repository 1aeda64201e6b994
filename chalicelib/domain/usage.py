"""What subjects used and what is left to them: the arithmetic of the usage reports."""

from __future__ import annotations

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


Uses = dict[Subject, dict[Window, Use]]
"""By subject and kind of window, the current ones."""


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
