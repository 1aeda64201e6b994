"""What a model says, waited for with patience: it is called, and its next piece is taken, in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

from chalicelib.domain.chat import Delta

Said = TypeVar("Said")


class Call(Generic[Said]):
    """A call that is under way. Who does not want what comes of it any more may leave it."""

    __slots__ = ("_coming",)

    def __init__(self, call: Callable[[], Said]) -> None:
        """Begins at once."""
        thread = ThreadPoolExecutor(1, thread_name_prefix="call")
        self._coming: Future[Said] = thread.submit(call)
        thread.shutdown(wait=False)

    def wait(self, patience: float) -> bool:
        """Whether `result` has something to say within some seconds."""
        wait([self._coming], timeout=patience)
        return self._coming.done()

    def result(self) -> Said:
        """What came of it, waited for. What the call raises is raised here."""
        return self._coming.result()

    def leave(self, close: Callable[[Said], None]) -> None:
        """Have `close` end what comes of it as soon as it comes; nobody waits for that."""
        self._coming.add_done_callback(lambda coming: None if coming.exception() else close(coming.result()))


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
