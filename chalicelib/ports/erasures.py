"""Erasures of users, and what the stores have of a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from chalicelib.domain.erasure import Erasure, Found
from chalicelib.domain.trail import Event


class Erasures(Protocol):
    """The record of each user's last erasure. May raise `StoreUnavailable`."""

    def get(self, owner: str) -> Erasure | None:
        """The user's last erasure, read consistently."""

    def put(self, erasure: Erasure, note: Event) -> None:
        """Begin one, in the place of the last, and note it; nobody goes on with it before it was replaced."""

    def replace(self, old: Erasure, new: Erasure) -> bool:
        """Put `new` in the place of `old`; whether that was there."""

    def pending(self, most: int) -> Sequence[str]:
        """The owners whose erasures are to be gone on with."""


class Belongings(Protocol):
    """What is kept of a user by what they own, wherever it is. May raise `StoreUnavailable`."""

    def jobs(self, owner: str) -> Sequence[str]:
        """The ids of the user's jobs, as an index knows them that may lag by moments."""

    def take(self, erasure: Erasure, now: float, most: int) -> Found:
        """Remove up to `most` of each kind, but what a worker holds.

        What is left in the place of a job or a receipt has no content, and shows where a late writer would write.
        """

    def finish(self, erasure: Erasure) -> None:
        """Remove what was left in the places of jobs and receipts."""
