"""The way to the servers of tenants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from chalicelib.domain.notices import Posted, Told


class Post(Protocol):
    """Sends to a URL that a tenant chose."""

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        """What came of one POST within a few seconds: never raises, follows nothing, tries nothing twice.

        What resolves to an address that is not public is not connected to.
        """


class Record(Protocol):
    """Where it is said what came of a notice."""

    def __call__(self, told: Told) -> None:
        """Log and count one try. Never raises."""
