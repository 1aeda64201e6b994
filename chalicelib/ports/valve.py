"""How many workers may take from the line at once."""

from __future__ import annotations

from typing import Protocol

from chalicelib.domain.concurrency import Flow


class Valve(Protocol):
    """The bound of what brings the queue's messages to workers. May raise `QueueUnavailable`."""

    def flow(self) -> Flow | None:
        """How the line flows; None where nothing brings its messages that could be bounded."""

    def turn(self, workers: int) -> None:
        """Let so many workers run at once, from 2 to 1,000; those that are at work end what they do."""
