"""The models on offer, which an operator may replace while all is running."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from chalicelib.domain.catalogue import Catalogue, Model
from chalicelib.domain.errors import TidegateError
from chalicelib.ports import Clock, Meter

CATALOGUE_SECONDS: Final = 60.0
NEVER: Final = float("-inf")


@dataclass(slots=True)
class Models:
    """The catalogue that `read` gives, asked for once a minute; while it has faults, the last good one stays.

    `read` gives None where there is no other catalogue than the package's.
    """

    catalogue: Catalogue
    read: Callable[[], Catalogue | None]
    check: Callable[[Catalogue], list[str]]
    meter: Meter
    clock: Clock
    _read_at: float = NEVER
    _lock: Lock = field(default_factory=Lock)

    def find(self, name: str, allowed: tuple[str, ...] | None = None) -> Model:
        """The model called `name` that a plan allows (None allows all), or `UnknownModel`."""
        return self._now().find(name, allowed)

    def named(self, name: str) -> Model | None:
        """The model called `name`, whoever may use it."""
        return self._now().named(name)

    def allowed(self, allowed: tuple[str, ...] | None) -> tuple[Model, ...]:
        """The models that a plan allows."""
        return self._now().allowed(allowed)

    def _now(self) -> Catalogue:
        first = self._read_at == NEVER  # until it was read once, everybody waits: another catalogue has other prices
        if self.clock() - self._read_at >= CATALOGUE_SECONDS and self._lock.acquire(blocking=first):
            try:
                if self.clock() - self._read_at >= CATALOGUE_SECONDS:
                    self._refresh()
                    self._read_at = self.clock()
            finally:
                self._lock.release()
        return self.catalogue

    def _refresh(self) -> None:
        try:
            found = self.read()
        except TidegateError as fault:
            self.meter.stale([fault.message])
            return
        if found is None or found == self.catalogue:
            return
        if faults := self.check(found):
            self.meter.stale(faults)
        else:
            self.catalogue = found
