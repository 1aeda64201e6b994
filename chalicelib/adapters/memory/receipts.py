"""Receipts in memory."""

from __future__ import annotations

from threading import RLock

import msgspec

from chalicelib.domain.receipts import Receipt, Told


class MemoryReceipts:
    """`Receipts` over a dict, which keeps what has expired until it is replaced."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._kept: dict[str, Receipt] = {}

    def claim(self, receipt: Receipt, now: float) -> Receipt:
        """Look, then write."""
        with self._lock:
            found = self.get(receipt.id, now)
            if found is None:
                self._kept[receipt.id] = receipt
            return found or receipt

    def get(self, receipt_id: str, now: float) -> Receipt | None:
        """At one moment."""
        found = self._kept.get(receipt_id)
        return found if found and found.until > now else None

    def take(self, found: Receipt, new: Receipt) -> bool:
        """Compares whole receipts."""
        with self._lock:
            current = self._kept.get(found.id)
            if current == found and current.answer is None:
                self._kept[found.id] = new
            return self._kept.get(found.id) == new

    def hold(self, receipt: Receipt, lease_until: int) -> bool:
        """Leaves an answer alone."""
        with self._lock:
            current = self._held(receipt)
            if current is None or current.answer is not None:
                return False
            self._kept[receipt.id] = msgspec.structs.replace(current, lease_until=lease_until)
            return True

    def keep(self, receipt: Receipt, answer: Told) -> bool:
        """Replaces an answer of the same holder."""
        with self._lock:
            current = self._held(receipt)
            if current is not None:
                self._kept[receipt.id] = msgspec.structs.replace(current, answer=answer)
            return current is not None

    def _held(self, receipt: Receipt) -> Receipt | None:
        current = self._kept.get(receipt.id)
        return current if current and current.holder == receipt.holder else None
