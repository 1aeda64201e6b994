"""One answer on its way from a worker thread to the event loop, piece by piece."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final

from chalicelib.edge.gateway import Headers, ending

Body = bytes | Iterator[bytes]

_AHEAD: Final = 16  # pieces a slow reader may leave lying; then the worker waits, and with it the model


class Stream:
    """The hand-over between one worker, which produces, and the event loop, which sends.

    Whatever happens to the caller, only the worker touches the body, and closes it: a turn that is cut
    is settled by the thread that runs it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun: asyncio.Future[tuple[int, Headers, bytes | None] | None] = loop.create_future()
        self._pieces: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(_AHEAD)
        self.is_cut = False

    async def begin(self) -> tuple[int, Headers, bytes | None] | None:
        """Return status, headers, and the body when it is whole, or None in its place when `next` has it.

        None alone is for a caller who left before.
        """
        return await self._begun

    async def next(self) -> bytes | None:
        """Return the next piece, or None when the body is closed."""
        piece = await self._pieces.get()
        self._room.release()
        if isinstance(piece, BaseException):
            raise piece
        return piece

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
            self._call(self._begin, (status, headers, body))
            return
        self._call(self._begin, (status, headers, None))
        try:
            self._pump(body)
        except Exception as fault:  # noqa: BLE001 - raised again where the answer is sent
            self._call(self._pieces.put_nowait, fault)
        else:
            self._call(self._pieces.put_nowait, None)

    def fail(self, fault: Exception) -> None:
        self._call(self._begin, fault)

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
                self._call(self._pieces.put_nowait, piece)
                self._room.acquire()

    def _call(self, function: Callable[[Any], object], argument: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process is ending, and the body was closed
            self._loop.call_soon_threadsafe(function, argument)
