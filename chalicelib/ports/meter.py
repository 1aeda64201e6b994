"""Where figures go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.chat import Content
from chalicelib.domain.report import Report
from chalicelib.domain.turn import Caller


class Meter(Protocol):
    """Where a turn's figures go."""

    def record(self, report: Report) -> None:
        """Log and count one turn. Never raises."""

    def words(self, said: Content) -> str | None:
        """What may be logged of what was said: nothing, unless the operator wants it, redacted."""

    def unmetered(self, caller: Caller) -> None:
        """Warn, at once, that a call goes on without a reservation, or ends without its settlement. Never raises."""

    def stale(self, faults: Sequence[str]) -> None:
        """Warn that a new catalogue has these faults, and that the last good one stays. Never raises."""
