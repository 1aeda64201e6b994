"""A queue in memory, for whoever plays the worker too."""

from __future__ import annotations

from collections import deque

from chalicelib.domain.jobs import Message


class MemoryJobQueue:
    """`JobQueue` that keeps each message with its delay in seconds, in the order of arrival, until it is taken."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[Message, int]] = deque()
        self.buried: list[tuple[str, str]] = []

    def send(self, message: Message, delay_seconds: int = 0) -> None:
        """At its end."""
        self.waiting.append((message, delay_seconds))

    def bury(self, body: str, reason: str) -> None:
        """With the reason."""
        self.buried.append((body, reason))
