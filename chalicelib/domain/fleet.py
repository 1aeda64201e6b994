"""How the targets of all models are, as their breakers tell."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Model, Target

Condition = Literal["up", "resting", "probing"]


class TargetState(Struct, frozen=True, kw_only=True):
    """One target of one model: `up`, left alone (`resting`) until an epoch second, or `probing`: one call may try it.

    `failures` counts how often it was left alone without an answer in between, for the last `reason`.
    """

    model: str
    target: str
    tier: int
    state: Condition
    until: int | None
    failures: int
    reason: str


def state_of(model: Model, target: Target, breaker: Breaker, now: float) -> TargetState:
    """What a breaker's row says of a target."""
    state: Condition = "up" if not breaker.probing else "resting" if now < breaker.until else "probing"
    return TargetState(
        model=model.id,
        target=target.name,
        tier=target.tier,
        state=state,
        until=int(breaker.until) if state == "resting" else None,
        failures=breaker.streak,
        reason=breaker.reason,
    )
