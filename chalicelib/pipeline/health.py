"""Whether the gateway's dependencies answer, and how its targets are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.catalogue import known_as
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.fleet import TargetState, state_of
from chalicelib.ports import Clock, Offer, Targets


@dataclass(frozen=True, slots=True)
class Health:
    """One cheap read of each dependency, by name, and one for the breakers of all targets on offer."""

    probes: Mapping[str, Callable[[], object]]
    offer: Offer
    shared: Targets
    clock: Clock

    def check(self) -> dict[str, str]:
        """`ok` or the fault, for each dependency."""
        return {name: _outcome(probe) for name, probe in self.probes.items()}

    def targets(self) -> tuple[TargetState, ...]:
        """Every target, as all processes know it; none while that cannot be read."""
        named = [
            (model, target, known_as(model.id, target.uri))
            for model in self.offer.allowed(None)
            for target in model.targets
        ]
        try:
            rows = self.shared.breakers([name for *_, name in named])
        except TidegateError:
            return ()
        return tuple(state_of(model, target, rows[name], self.clock()) for model, target, name in named)


def _outcome(probe: Callable[[], object]) -> str:
    try:
        probe()
    except TidegateError as fault:
        return fault.message
    return "ok"
