"""A valve in memory, for whoever plays the queue too."""

from __future__ import annotations

import msgspec

from chalicelib.domain.concurrency import Flow


class MemoryValve:
    """`Valve` with a flow that is told, and a log of how it was turned."""

    def __init__(self, flow: Flow | None = None) -> None:
        self.told = flow
        self.turned: list[int] = []

    def flow(self) -> Flow | None:
        """As it was told, and turned since."""
        return self.told

    def turn(self, workers: int) -> None:
        """At once."""
        self.turned.append(workers)
        if self.told is not None:
            self.told = msgspec.structs.replace(self.told, workers=workers)
