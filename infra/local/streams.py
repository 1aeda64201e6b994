"""One answer on its way from a worker thread to the event loop, piece by piece."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from chalicelib.edge.gateway import Headers, ending

Body = bytes | Iterator[bytes]

_AHEAD: Final = 16  # pieces a slow reader may leave lying; then the worker waits, and with it the model


class Stream:
    """The hand-over between one worker, which produces, and the event loop, which sends.

    Whatever happens to the caller, only the worker touches the body, and closes it: a turn that is cut
    is settled by the thread that runs it. To wake the loop costs more than a piece does, so it is woken once for all
    that come before it looks.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun: asyncio.Future[tuple[int, Headers, bytes | None] | None] = loop.create_future()
        self._pieces: deque[bytes] = deque()
        self._is_over = False
        self._fault: Exception | None = None
        self._came = asyncio.Event()
        self._is_waking = False
        self._room = threading.Semaphore(_AHEAD)
        self.is_cut = False

    async def begin(self) -> tuple[int, Headers, bytes | None] | None:
        """Return status, headers, and the body when it is whole, or None in its place when `next` has it.

        None alone is for a caller who left before.
        """
        return await self._begun

    async def next(self) -> bytes | None:
        """Return all pieces that are there, at least one, or None when the body is closed."""
        while not self._pieces and not self._is_over:
            self._came.clear()
            await self._came.wait()
        if pieces := [self._pieces.popleft() for _ in range(len(self._pieces))]:
            self._room.release(len(pieces))
            return b"".join(pieces)
        if self._fault is not None:
            raise self._fault
        return None

    def cut(self) -> None:
        """Let the worker close the body as soon as it has the piece that it waits for: nobody listens."""
        self.is_cut = True
        self._room.release()

    def leave(self) -> None:
        """Cut it, and tell nobody what may still come."""
        self.cut()
        self._begin(None)

    def produce(self, status: int, headers: Headers, body: Body) -> None:
        """In the worker: pass on everything that `body` yields."""
        if isinstance(body, bytes):
            self.tell(self._begin, (status, headers, body))
            return
        self.tell(self._begin, (status, headers, None))
        try:
            self._pump(body)
        except Exception as fault:  # noqa: BLE001 - raised again where the answer is sent
            self._fault = fault
        self._is_over = True
        self._tell()

    def fail(self, fault: Exception) -> None:
        self.tell(self._begin, fault)

    def _begin(self, answer: tuple[int, Headers, bytes | None] | Exception | None) -> None:
        """In the event loop: what `begin` returns or raises; whoever left is told nothing more."""
        if self._begun.done():
            return
        if isinstance(answer, Exception):
            self._begun.set_exception(answer)
        else:
            self._begun.set_result(answer)

    def _pump(self, body: Iterator[bytes]) -> None:
        with ending(body):
            while not self.is_cut and (piece := next(body, None)) is not None:
                self._pieces.append(piece)
                self._tell()
                self._room.acquire()

    def _tell(self) -> None:
        """Wake the loop, unless it is on its way and has not looked yet."""
        if not self._is_waking:
            self._is_waking = True
            self.tell(self._wake)

    def _wake(self) -> None:
        """In the event loop: whatever comes from here on needs another call."""
        self._is_waking = False
        self._came.set()

    def tell(self, function: Callable[..., object], *arguments: object) -> None:
        """Call it in the event loop, if that still runs."""
        with suppress(RuntimeError):  # the loop is closed: the process is ending, and the body was closed
            self._loop.call_soon_threadsafe(function, *arguments)
