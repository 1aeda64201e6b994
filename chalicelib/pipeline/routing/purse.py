"""The attempts of a turn and what they cost: its reservation covers one."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chalicelib.domain.errors import LimitExceeded, ModelUnavailable, StoreUnavailable
from chalicelib.domain.regions import ALONE, HomeElsewhere
from chalicelib.domain.report import Attempt
from chalicelib.domain.turn import Reservation, Settlement
from chalicelib.ports import Fence, Turns

_AGAIN: Final = "again."  # the part of a call that takes up the turn of one that broke off


@dataclass(slots=True)
class Purse:
    """Charges further attempts as records of their own, under the same limits; nothing where the turn is unmetered.

    However many attempts it takes, a turn is one request. What it `waited` before is gone from its time. Who carries on
    with a turn that another began names a `part` of its own, so that no two records are one. While it is `patient`, it
    waits for the lowest tier. Once it is `closed`, nobody is asked again.
    """

    turns: Turns
    claim: Reservation
    fence: Fence = ALONE
    tried: list[Attempt] = field(default_factory=list)
    lost_usd_micros: int = 0
    waited_seconds: float = 0.0
    part: str = ""
    patient: bool = False
    closed: bool = False
    _records: int = 0

    def forfeit(self) -> bool:
        """Charge for good what an attempt may have burned, or say that a limit or the store does not let it."""
        return self._reserved(final=True) is not None

    def make_up(self) -> None:
        """Charge what an earlier call of the turn may have burned before it broke off, or raise `ModelUnavailable`.

        What this call charges has other names from here on.
        """
        self.part = _AGAIN
        if not self.forfeit():
            raise ModelUnavailable("The call broke off, and there is no room for another attempt.")

    def hold(self) -> Reservation | None:
        """Reserve for an attempt beside the one that is under way, or None where it must not be made."""
        return self._reserved(final=False)

    def settle(self, held: Reservation, *, burned: bool) -> None:
        """End what `hold` reserved: kept in full where the attempt may have burned tokens, else given back."""
        if not burned:
            self.lost_usd_micros -= held.charge.usd_micros
        if self.claim.unmetered:
            return
        with suppress(StoreUnavailable):  # its lease keeps the charge, and the turn has an end of its own to come to
            if burned:
                self.turns.settle(held, Settlement(held.charge))
            else:
                self.turns.release(held)

    def _reserved(self, *, final: bool) -> Reservation | None:
        self._records += 1
        extra = msgspec.structs.replace(
            self.claim,
            turn_id=f"{self.claim.turn_id}~{self.part}{self._records}",
            conversation=None,
            turn=None,
            concurrent=None,
            families={},
            lead=None,
            charge=msgspec.structs.replace(self.claim.charge, requests=0),
            final=final,
        )
        if not self.claim.unmetered:
            try:
                extra = self.fence.admit(extra)
                self.turns.reserve(extra)
            except (LimitExceeded, StoreUnavailable, HomeElsewhere):
                return None
        self.lost_usd_micros += extra.charge.usd_micros
        return extra
