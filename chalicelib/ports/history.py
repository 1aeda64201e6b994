"""What was used in periods that are over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.budget import Subject
from chalicelib.domain.usage import Day, Past


class UsageHistory(Protocol):
    """What the ledger still knows of earlier periods. May raise `StoreUnavailable`."""

    def past(self, subjects: Sequence[Subject], now: float) -> Sequence[Past]:
        """What each subject used in each of the periods `remembered` at `now`, in their order."""

    def days(self, user: Subject, now: float) -> Sequence[Day]:
        """What became of a user's turns, by day and model, the oldest first; what is not there is not known."""
