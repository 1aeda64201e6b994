"""Which connection of a pool is asked over next, and which is closed."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from queue import LifoQueue
from time import monotonic
from typing import Any, Final

IDLE_SECONDS: Final = 30.0


class Recent(LifoQueue[Any]):
    """The idle connections of one of urllib3's pools: the one used last is next, those that no burst needs are closed.

    With each that comes back, one goes that was idle for `IDLE_SECONDS`; nothing looks while nobody asks. urllib3 also
    keeps None here, for each one that it may still make.
    """

    def _init(self, maxsize: int) -> None:
        super()._init(maxsize)
        self._idle: deque[tuple[float, Any]] = deque()
        self._unmade = 0

    def _qsize(self) -> int:
        return len(self._idle) + self._unmade

    def _put(self, item: Any) -> None:
        if item is None:
            self._unmade += 1
            return
        now = monotonic()
        self._idle.append((now, item))
        if now - self._idle[0][0] > IDLE_SECONDS:
            connection = self._idle.popleft()[1]
            self._unmade += 1
            with suppress(OSError):  # who gives back another has its answer
                connection.close()

    def _get(self) -> Any:
        if self._idle:
            return self._idle.pop()[1]
        self._unmade -= 1
        return None
