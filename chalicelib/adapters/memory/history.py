"""What was used in periods that are over, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.budget import Charge, Subject
from chalicelib.domain.daybook import days_told
from chalicelib.domain.usage import Day, Past, remembered, remembers_savings


class MemoryUsageHistory:
    """`UsageHistory` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def past(self, subjects: Sequence[Subject], now: float) -> Sequence[Past]:
        """Everything is still there."""
        with self._shelf.lock:
            return [
                Past(
                    subject,
                    each,
                    self._shelf.used.get((subject, each.label), Charge()),
                    self._shelf.saved(subject, each.window, each.starts) if remembers_savings(each, now) else None,
                )
                for subject in subjects
                for each in remembered(now)
            ]

    def days(self, user: Subject, now: float) -> Sequence[Day]:
        """Summed anew from what became of each turn."""
        with self._shelf.lock:
            return [
                Day(each, model, outcomes)
                for each in days_told(now)
                for model, outcomes in sorted(self._shelf.told_in(user, each.label).items())
            ]
