"""What subjects used and what is left to them: the arithmetic of the usage reports."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from chalicelib.domain.budget import WINDOWS, Charge, Limit, Meter, Period, Plan, Subject, Window, period, size


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
    """One line of a report: one subject in one period. `limit` None is no limit."""

    subject: Subject
    period: Period
    use: Use
    limit: Limit | None = None

    def limit_of(self, meter: Meter) -> int | None:
        """How much of `meter` the period allows."""
        return size(self.limit, meter) if self.limit else None

    def remaining(self, meter: Meter) -> int | None:
        """What is left of it; None where there is no limit."""
        limit = self.limit_of(meter)
        return None if limit is None else max(0, limit - self.use.used.of(meter))


def limits_in_force(plan: Plan | None, tenant_plan: Plan | None) -> tuple[Limit, ...]:
    """The limits of a key's plan, with those of the tenant's own plan in place of its limits of the tenant."""
    limits = plan.limits if plan else ()
    if tenant_plan is None:
        return limits
    kept = tuple(limit for limit in limits if limit.subject != "tenant")
    return kept + tuple(limit for limit in tenant_plan.limits if limit.subject == "tenant")


def report(subjects: tuple[Subject, ...], uses: Uses, limits: tuple[Limit, ...], now: float) -> tuple[Line, ...]:
    """A line for each subject and window of `now`, with its limit where there is one."""
    return tuple(_lines(subjects, uses, {(each.subject, each.window): each for each in limits}, now))


def _lines(
    subjects: tuple[Subject, ...], uses: Uses, limits: dict[tuple[str, Window], Limit], now: float
) -> Iterator[Line]:
    for subject in subjects:
        for window in WINDOWS:
            use = uses.get(subject, {}).get(window, Use())
            yield Line(subject, period(window, now), use, limits.get((subject.kind, window)))
