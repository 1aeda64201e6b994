"""A stream that can be waited for with patience: its next piece is taken in a thread of its own."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from chalicelib.domain.chat import Delta


class Ahead:
    """Takes one piece ahead and no more, so that a reader who is slow slows the model. `close` what is not read."""

    __slots__ = ("_coming", "_deltas", "_thread")

    def __init__(self, deltas: Iterator[Delta]) -> None:
        """Nothing is taken yet."""
        self._deltas = deltas
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._coming: Future[Delta | None] | None = None

    def wait(self, patience: float) -> bool:
        """Whether `take` has something to say within some seconds."""
        if self._coming is None:
            self._coming = self._thread.submit(next, self._deltas, None)
        wait([self._coming], timeout=patience)
        return self._coming.done()

    def take(self) -> Delta | None:
        """The next piece, waited for; None after the last. What the stream raises is raised here."""
        coming = self._coming or self._thread.submit(next, self._deltas, None)
        self._coming = None
        return coming.result()

    def close(self) -> None:
        """Have the stream closed as soon as it hears of it; nobody waits for that."""
        if (close := getattr(self._deltas, "close", None)) is not None:
            self._thread.submit(close)
        self._thread.shutdown(wait=False)
