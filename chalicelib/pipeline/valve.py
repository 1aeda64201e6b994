"""How many workers take from the line, looked after every minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib.domain.catalogue import Catalogue, Quota, known_as
from chalicelib.domain.concurrency import LOOK_BACK, MINUTE, bearable, next_workers
from chalicelib.ports import Clock, Jobs, Targets
from chalicelib.ports.valve import Valve


@dataclass(frozen=True, slots=True)
class Gauge:
    """Turns the valve by what the line and its targets say; `catalogue` is read at each run."""

    valve: Valve
    jobs: Jobs
    targets: Targets
    catalogue: Callable[[], Catalogue]
    clock: Clock

    def adjust(self) -> int:
        """How many workers there may be from now on; 0 where nothing can be bounded. Twice at once does no harm."""
        flow, now = self.valve.flow(), self.clock()
        if flow is None:
            return 0
        minute = int(now) // MINUTE
        returned = self.jobs.returns([minute - ago for ago in range(1, LOOK_BACK + 1)])
        workers = next_workers(flow, returned, self._bears(now), now)
        if workers != flow.workers:
            self.valve.turn(workers)
        return workers

    def broken(self) -> int:
        """How many targets of models that chat are left alone, or were until a call that is under way."""
        breakers = self.targets.breakers(list(self._quotas()))
        return sum(each.probing for each in breakers.values())

    def _bears(self, now: float) -> int | None:
        """What all targets of models that chat take at once."""
        quotas = self._quotas()
        breakers = self.targets.breakers(list(quotas))
        return bearable([(quota, breakers[name]) for name, quota in quotas.items()], now)

    def _quotas(self) -> dict[str, Quota | None]:
        return {
            known_as(model.id, target.uri): target.quota
            for model in self.catalogue().models
            if model.max_output_tokens
            for target in model.targets
        }
