"""Who is at home where: each tenant in one Region at a time, which alone admits its turns and writes its conversations.

every minute    the seats, on which all Regions agree -> this Region's register, good for three minutes
every call      the caller's tenant -> its home -> the register -> here, there, or nowhere just now
every charge    the same once more, and what the tenant used where its home was before
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import msgspec

from chalicelib.domain.budget import Balances, Plan
from chalicelib.domain.errors import Misconfigured
from chalicelib.domain.identity import Tenant
from chalicelib.domain.regions import (
    HomeAway,
    HomeElsewhere,
    Register,
    Rules,
    Seat,
    Stay,
    blind,
    held_back,
    merged,
)
from chalicelib.domain.turn import Away, Reservation
from chalicelib.ports import Clock, Keys
from chalicelib.ports.regions import Errand, Passed, Peer, Registers

FRESH_SECONDS: Final = 60  # of a register's time that are left to it when it is read again
KNOWN_SECONDS: Final = 60.0  # that a tenant's record is kept
MOST_KNOWN: Final = 10_000
AGAIN_SECONDS: Final = 30


@dataclass(slots=True)
class _Known:
    """What this process has read: the register, and tenants' records with the time when they were."""

    register: Register | None = None
    tenants: OrderedDict[str, tuple[float, Tenant | None]] = field(default_factory=OrderedDict)
    plans: tuple[float, tuple[Plan, ...]] = (float("-inf"), ())


@dataclass(frozen=True, slots=True)
class Homes:
    """The Regions by name with their URLs, the first of them home to tenants that name none; `here` is this one."""

    here: str
    regions: dict[str, str]
    keys: Keys
    registers: Registers
    peer: Peer
    clock: Clock
    _known: _Known = field(default_factory=_Known)

    @property
    def main(self) -> str:
        """The Region that is home to tenants that name none."""
        return next(iter(self.regions))

    def home(self, tenant_tag: str) -> str:
        """A tenant's home."""
        tenant = self._tenant(tenant_tag)
        return tenant.home if tenant and tenant.home in self.regions else self.main

    def require(self, home: str) -> Seat:
        """The seat of a home that is here; `HomeElsewhere` where it is not, `HomeAway` while it is nowhere."""
        register, now = self._register(), self.clock()
        seat = register.seat(home) if register else Seat(home, home)
        if seat.at != self.here:
            raise HomeElsewhere(f"The home of this key is {seat.at}. Send the request to {self.url(seat)}")
        if register is None or not seat.since <= now < register.until:
            wait = max(1, round(seat.since - now)) if seat.since > now else AGAIN_SECONDS
            raise HomeAway(
                f"The home of this key, {seat.at}, takes no requests now. Try again in {wait} s.",
                retry_after_seconds=wait,
            )
        return seat

    def ask(self, seat: Seat, errand: Errand) -> Passed:
        """What the Region of a seat answers; `HomeAway` where it does not."""
        return self.peer(self.url(seat), errand)

    def url(self, seat: Seat) -> str:
        """Where the Region of a seat listens."""
        if seat.at not in self.regions:
            raise Misconfigured(f"TIDEGATE_REGIONS names no {seat.at}")
        return self.regions[seat.at]

    def seat(self, home: str) -> Seat:
        """Where a home is, as far as this Region knows."""
        register = self._register()
        return register.seat(home) if register else Seat(home, home)

    def floor(self, tenant_tag: str) -> int:
        """The number behind which turns begin in the tenure that is."""
        return self.seat(self.home(tenant_tag)).floor

    def admit(self, claim: Reservation) -> Reservation:
        """The claim with what counts against its limits elsewhere; a round trip where the home was moved lately."""
        tag = next(subject.tag for subject in claim.subjects if subject.kind == "tenant")
        seat = self.require(self.home(tag))
        before = [stay for stay in seat.before if stay.region != self.here]
        if not before:
            return msgspec.structs.replace(claim, away=())
        used = merged(self._used(stay, claim, tag) for stay in before)
        away = (Away(kind, window, charge) for (kind, window), charge in used.items())
        return msgspec.structs.replace(claim, away=tuple(away))

    def _used(self, stay: Stay, claim: Reservation, tag: str) -> Balances:
        """What was used in a Region of before, and what may have been that did not arrive here."""
        register = self._register()
        seen = self.registers.used(stay.region, claim.subjects, claim.made_at)
        unseen = blind(stay, register.heard.get(stay.region) if register else None)
        if unseen.is_over:
            return seen
        rules = self._rules(claim, tag)
        return merged([seen, *(held_back(rules, each, seen, unseen, claim.made_at) for each in claim.subjects)])

    def _rules(self, claim: Reservation, tag: str) -> Rules:
        at, plans = self._known.plans
        if not 0 <= self.clock() - at < KNOWN_SECONDS:
            plans = tuple(self.keys.plans().values())
            self._known.plans = self.clock(), plans
        tenant = self._tenant(tag)
        own = next((plan.limits for plan in plans if tenant and plan.name == tenant.plan), ())
        return Rules(claim.limits, own, tuple(plan.limits for plan in plans))

    def _register(self) -> Register | None:
        """This Region's register, read again where it is about to run out. An older one is a stricter one."""
        known = self._known.register
        if known is None or known.until - self.clock() < FRESH_SECONDS:
            known = self._known.register = self.registers.read(self.here) or known
        return known

    def _tenant(self, tag: str) -> Tenant | None:
        now, tenants = self.clock(), self._known.tenants
        at, tenant = tenants.get(tag, (float("-inf"), None))
        if not 0 <= now - at < KNOWN_SECONDS:
            tenant = self.keys.tagged_tenant(tag)
            tenants[tag] = now, tenant
            tenants.move_to_end(tag)
            if len(tenants) > MOST_KNOWN:
                tenants.popitem(last=False)
        return tenant
