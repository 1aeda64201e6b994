"""Callers over HTTP in one event loop: as many as there are, at their own pace or at a rate that nobody slows down."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from benchmarks.product import HOST

PATIENCE_S: Final = 10.0
OK: Final = 200
GAVE_UP: Final = 0
BROKEN: Final = -1
FAILED: Final = -2
"""Begun as an answer, and ended as none: with an error inside, or without its end."""
_SERVER_FAULT: Final = 500
_LARGEST: Final = 2**22
_PIECE: Final = b"data: {"
_ERROR: Final = b'data: {"error"'
_DONE: Final = b"data: [DONE]"
_WHOLE: Final = b'"finish_reason":'


@dataclass(frozen=True, slots=True)
class Wish:
    """One request: whose, what, and after which piece of a stream its caller leaves."""

    key: str
    body: Mapping[str, Any]
    leaves_after: int | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """What came of one: its status, or why there is none, when it was due, the seconds that it took, and whose it was.

    Of an answer that its caller `left`, the status is that of its beginning.
    """

    status: int
    due: float
    took: float
    retry_after: bool = False
    key: str = ""
    left: bool = False

    @property
    def ended(self) -> float:
        return self.due + self.took


@dataclass
class Tally:
    """All calls of a while."""

    calls: list[Call] = field(default_factory=list)

    @property
    def statuses(self) -> Counter[int]:
        return Counter(call.status for call in self.calls)

    @property
    def faults(self) -> int:
        """How many were answered by a fault of the server, or cut off."""
        return sum(call.status >= _SERVER_FAULT or call.status < GAVE_UP for call in self.calls)

    @property
    def gave_up(self) -> int:
        """How many callers had waited for long enough."""
        return sum(call.status == GAVE_UP for call in self.calls)

    def answered(self, begins: float, ends: float) -> float:
        """How many a second were answered between two moments."""
        return sum(call.status == OK and begins <= call.ended < ends for call in self.calls) / (ends - begins)

    def of(self, key: str) -> "Tally":
        """The calls of one caller's key alone."""
        return Tally([call for call in self.calls if call.key == key])

    def seconds(self, wanted: Callable[[Call], bool]) -> list[float]:
        return [call.took for call in self.calls if wanted(call)]


class Line:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, wish: Wish) -> tuple[int, bool]:
        """The status, and whether it says when to come back; the answer is read as far as its caller wants it."""
        body = json.dumps(wish.body).encode()
        self._writer.write(
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"
            b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (HOST.encode(), wish.key.encode(), len(body), body)
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        status = int(head[9:12])
        length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        if length:
            good = _WHOLE in await self._reader.readexactly(int(length))
        else:
            good = await self._heard(wish.leaves_after)
        return status if good or status != OK else FAILED, b"\r\nretry-after: " in head

    async def _heard(self, leaves_after: int | None) -> bool:
        """Read a stream: whether it was told to its end without an error, or its caller left."""
        pieces, failed, done = 0, False, False
        while (line := await self._reader.readline()) != b"0\r\n":
            pieces += line.startswith(_PIECE)
            failed, done = failed or line.startswith(_ERROR), done or line.startswith(_DONE)
            if not line:
                raise ConnectionError("the answer was cut")
            if pieces == leaves_after:
                self.close()
                return not failed
        await self._reader.readline()
        return done and not failed

    @property
    def is_open(self) -> bool:
        return not self._writer.is_closing() and not self._reader.at_eof()

    def close(self) -> None:
        self._writer.close()


class Crowd:
    """Callers of one server, who share kept connections and open as many as they need."""

    def __init__(self, port: int, *, patience_s: float = PATIENCE_S) -> None:
        self._port = port
        self._patience_s = patience_s
        self._idle: list[Line] = []
        self._lines: set[Line] = set()

    def connections(self) -> int:
        """How many are open."""
        self._lines = {line for line in self._lines if line.is_open}
        return len(self._lines)

    async def call(self, wish: Wish, due: float) -> Call:
        """One request, whatever becomes of it."""
        line = None
        try:
            async with asyncio.timeout(self._patience_s):
                line = await self._line()
                status, retry_after = await line.ask(wish)
        except TimeoutError:
            status, retry_after = GAVE_UP, False
        except (OSError, EOFError):
            status, retry_after = BROKEN, False
        left = status == OK and line is not None and not line.is_open
        if line is not None:
            self._back(line, usable=status > GAVE_UP)
        return Call(status, due, time.perf_counter() - due, retry_after, wish.key, left)

    async def _line(self) -> Line:
        while self._idle:
            if (line := self._idle.pop()).is_open:
                return line
        line = Line(*await asyncio.open_connection(HOST, self._port, limit=_LARGEST))
        self._lines.add(line)
        return line

    def _back(self, line: Line, *, usable: bool) -> None:
        if usable and line.is_open:
            self._idle.append(line)
        else:
            line.close()

    def close(self) -> None:
        for line in self._idle:
            line.close()
        self._idle.clear()


async def at_ease(crowd: Crowd, wishes: Iterator[Wish], callers: int, seconds: float) -> Tally:
    """So many callers, each of whom asks when it was answered."""
    tally, ends = Tally(), time.perf_counter() + seconds

    async def ask() -> None:
        while (now := time.perf_counter()) < ends:
            tally.calls.append(await crowd.call(next(wishes), now))

    await asyncio.gather(*(ask() for _ in range(callers)))
    return tally


async def at_rate(crowd: Crowd, wishes: Iterator[Wish], rate: Callable[[float], float], seconds: float) -> Tally:
    """Calls as they come, at `rate` of the seconds since the beginning, whether or not others were answered."""
    tally, draw, running = Tally(), random.Random(seconds), set[asyncio.Task[None]]()
    began = due = time.perf_counter()

    async def ask(due: float) -> None:
        tally.calls.append(await crowd.call(next(wishes), due))

    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        task = asyncio.create_task(ask(due))
        running.add(task)
        task.add_done_callback(running.discard)
        due += draw.expovariate(rate(due - began))
    with suppress(asyncio.CancelledError):
        await asyncio.gather(*running)
    return tally
