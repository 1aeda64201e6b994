"""What this process knows of the fits that refits make: read with a turn's opening read, each good for a while."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import Final

from chalicelib.domain.verdicts import Calibration, Namespace

HEARD_SECONDS: Final = 60.0
MOST: Final = 1_000  # namespaces; each is 2 KB


@dataclass(frozen=True, slots=True)
class Fits:
    """The fit of each tenant for one embedder and one verifier; None stands for the shipped one."""

    embedder: str
    verifier: str
    _heard: dict[Namespace, tuple[float, Calibration | None]] = field(default_factory=dict)

    def namespace(self, tenant: str) -> Namespace:
        """Where what the tenant with that tag teaches belongs."""
        return Namespace(tenant, self.embedder, self.verifier)

    def due(self, tenant: str, now: float) -> Namespace | None:
        """The tenant's namespace, unless its fit was read lately."""
        namespace = self.namespace(tenant)
        at, _ = self._heard.get(namespace, (-inf, None))
        return None if 0 <= now - at < HEARD_SECONDS else namespace

    def heard(self, namespace: Namespace, fit: Calibration | None, now: float) -> None:
        """Remember a fit; where there are too many, all are read anew."""
        if len(self._heard) >= MOST:
            self._heard.clear()
        self._heard[namespace] = now, fit

    def fit(self, namespace: Namespace) -> Calibration | None:
        """What was read last."""
        return self._heard.get(namespace, (-inf, None))[1]
