"""Whether the gateway's dependencies answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chalicelib.domain.errors import TidegateError


@dataclass(frozen=True, slots=True)
class Health:
    """One cheap read of each dependency, by name."""

    probes: Mapping[str, Callable[[], object]]

    def check(self) -> dict[str, str]:
        """`ok` or the fault, for each dependency."""
        return {name: _outcome(probe) for name, probe in self.probes.items()}


def _outcome(probe: Callable[[], object]) -> str:
    try:
        probe()
    except TidegateError as fault:
        return fault.message
    return "ok"
