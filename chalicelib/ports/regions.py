"""Several Regions: which of them may charge whom, and what each knows of the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from chalicelib.domain.budget import Balances, Subject
from chalicelib.domain.regions import Register, Seat
from chalicelib.domain.turn import Reservation


class Fence(Protocol):
    """Keeps a tenant's counters and conversations in one Region at a time."""

    def admit(self, claim: Reservation) -> Reservation:
        """The claim with what its subjects used elsewhere, if it may be made here now; else `HomeElsewhere`."""

    def floor(self, tenant_tag: str) -> int:
        """The number that turns begin behind which a tenant's conversations are given from now on."""


class Seats(Protocol):
    """Where each home is: the one record on which all Regions agree, whichever of them cannot be reached."""

    def all(self) -> dict[str, Seat]:
        """The seats of the homes that were ever moved; `StoreUnavailable` for a Region that is cut off."""

    def move(self, old: Seat, new: Seat) -> bool:
        """Replace a seat; False where it is not the `old` one any more."""


class Registers(Protocol):
    """What Regions wrote down for themselves, and what came of it from one to the other."""

    def write(self, register: Register) -> None:
        """Replace the register of this Region, unless a newer one is there."""

    def read(self, region: str) -> Register | None:
        """The register of a Region, as far as it arrived here; its own is read consistently."""

    def used(self, region: str, subjects: tuple[Subject, ...], now: float) -> Balances:
        """What subjects used at least in a Region, as far as it arrived here, one subject of each kind."""


class Errand(Struct, frozen=True):
    """A call as it came in, to be answered elsewhere; `path` has the query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Passed(Struct, frozen=True):
    """What was answered elsewhere; the body comes as it is read, and is to be closed where it is not."""

    status: int
    headers: dict[str, str]
    pieces: Iterator[bytes]


class Peer(Protocol):
    """The same product in another Region."""

    def __call__(self, url: str, errand: Errand) -> Passed:
        """What it answers; `HomeAway` where it does not, also while the body is read."""
