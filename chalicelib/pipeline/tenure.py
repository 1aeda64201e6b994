"""Renews, every minute, what this Region knows of who is home where; that of a Region that is cut off runs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.domain.regions import TENURE_SECONDS, Register, hearing
from chalicelib.ports import Clock
from chalicelib.ports.regions import Registers, Seats


@dataclass(frozen=True, slots=True)
class Tenure:
    """A Region's right to be home to anybody: as long as it can ask where homes are."""

    here: str
    others: Sequence[str]
    seats: Seats
    registers: Registers
    clock: Clock

    def renew(self) -> int:
        """Write the register anew, good from before the seats were read; how many other Regions are heard of."""
        now = int(self.clock())
        seats = self.seats.all()
        mine = self.registers.read(self.here)
        known = mine.heard if mine else {}
        found = {region: self.registers.read(region) for region in self.others}
        heard = known | {
            region: hearing(known.get(region), register.renewed_at, now)
            for region, register in found.items()
            if register
        }
        self.registers.write(Register(now, now + TENURE_SECONDS, seats, heard))
        return len(heard)
