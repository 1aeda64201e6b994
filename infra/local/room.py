"""How many requests this process works on at once: more than some only while the machine has time for them."""

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from time import monotonic, process_time
from typing import Final

_LOOK_S: Final = 0.1
_TIME: Final = 0.3  # of all cores: with less of them idle, whoever begins takes it from who has begun
_OURS: Final = 0.25  # of one core: where this process takes less, fewer of its requests would help nobody
_STEP_S: Final = 0.02  # between two for whom room is made: what they take must show before more begin
_STAT: Final = Path("/proc/stat")

Start = Callable[[], None]


class Machine:
    """Whether the cores have time; where the system does not say, they have."""

    def __init__(self) -> None:
        self._looked_at = self._used = 0.0
        self._idle, self._all = 0, 0
        self._has_time = True

    def has_time(self) -> bool:
        """Whether three tenths of them were idle, or gave way, since somebody asked a tenth of a second ago or more.

        Where they are busy with other programs, a model on this machine perhaps, there is time too.
        """
        now = monotonic()
        if now - self._looked_at >= _LOOK_S:
            self._look(now - self._looked_at)
            self._looked_at = now
        return self._has_time

    def _look(self, seconds: float) -> None:
        before, self._used = self._used, process_time()
        try:
            with _STAT.open() as lines:
                ticks = [int(each) for each in lines.readline().split()[1:9]]
        except OSError:
            return
        _, nice, _, idle, waits, *_ = ticks
        idle, every = idle + waits + nice, sum(ticks)
        is_small = self._used - before < _OURS * seconds
        self._has_time = is_small or idle - self._idle >= _TIME * (every - self._all)
        self._idle, self._all = idle, every


class Room:
    """Room for `always` requests, for up to `most` while the machine has time, and a line of `waiting`.

    A turn that waits for a model takes no time of the machine's. Of those that do, more at once get less done.
    A place that was left is another's at once; there is one more each `_STEP_S`. For one event loop.
    """

    def __init__(
        self, most: int, always: int, waiting: int, has_time: Callable[[], bool], clock: Callable[[], float] = monotonic
    ) -> None:
        self._most, self._always, self._waiting = most, always, waiting
        self._has_time = has_time
        self._clock = clock
        self._inside = 0
        self._places = always
        self._next_at = 0.0
        self._is_looking = False
        self._line: deque[Start] = deque()

    def admit(self, start: Start) -> bool:
        """Start it now, or when there is room; or say that the line is full too."""
        if not self._line and self._has_room():
            self._start(start)
        elif len(self._line) < self._waiting:
            self._line.append(start)
            if not self._is_looking:
                self._look_again()
        else:
            return False
        return True

    def withdraw(self, start: Start) -> None:
        """Out of the line, if it is there still."""
        if start in self._line:
            self._line.remove(start)

    def leave(self) -> None:
        """What was started has ended."""
        self._inside -= 1
        if not self._line:
            self._places = max(self._always, self._inside + 1)
        self._let_in()

    def _has_room(self) -> bool:
        """Whether there is a place, or one more may be made."""
        if self._inside < self._always:
            return True
        if not self._has_time():
            self._places = self._always
            return False
        if self._inside < self._places:
            return True
        if self._inside >= self._most or self._clock() < self._next_at:
            return False
        self._next_at = self._clock() + _STEP_S
        self._places = self._inside + 1
        return True

    def _start(self, start: Start) -> None:
        self._inside += 1
        start()

    def _let_in(self) -> None:
        while self._line and self._has_room():
            self._start(self._line.popleft())

    def _look_again(self) -> None:
        """Nobody need leave for the machine to have time again."""
        self._let_in()
        self._is_looking = bool(self._line)
        if self._is_looking:
            asyncio.get_running_loop().call_later(_STEP_S, self._look_again)
