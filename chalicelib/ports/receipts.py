"""Receipts of calls that carry an idempotency key."""

from __future__ import annotations

from typing import Protocol

from chalicelib.domain.receipts import Receipt, Told


class Receipts(Protocol):
    """Every receipt, each changed by one conditional write. May raise `StoreUnavailable`.

    A write that is repeated by the same holder with the same values tells what it told the first time.
    """

    def claim(self, receipt: Receipt, now: float) -> Receipt:
        """Keep a new receipt, or tell which is there already, read consistently."""

    def get(self, receipt_id: str, now: float) -> Receipt | None:
        """The receipt with its answer, read consistently, unless its time is up."""

    def take(self, found: Receipt, new: Receipt) -> bool:
        """Put `new` in the place of `found`, if that is there as it was found and without an answer; whether it was."""

    def hold(self, receipt: Receipt, lease_until: int) -> bool:
        """Move the lease of a receipt without an answer (0 lets it go); whether its holder still had it."""

    def keep(self, receipt: Receipt, answer: Told) -> bool:
        """Keep the answer for the rest of the receipt's time; whether its holder still had it."""
