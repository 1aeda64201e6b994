"""Virtual time for code that waits: one thread runs at a time, and a pause is over when the clock is there."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from math import inf
from typing import Final

from benchmarks.routing_servers import Agenda

MOST_THREADS: Final = 4_096


class Over(BaseException):
    """The stage is closed: an act that would go on later ends here."""


class Stage:
    """Plays acts on an agenda, each in a thread of its own that may `pause`; the same acts play the same each time."""

    def __init__(self, start: float) -> None:
        self.agenda = Agenda(start)
        self._threads = ThreadPoolExecutor(MOST_THREADS)
        self._turn = threading.Semaphore(0)
        self._played: list[Future[None]] = []
        self.until = inf

    @property
    def now(self) -> float:
        return self.agenda.now

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Play an act later."""
        self.agenda.after(seconds, lambda: self._begin(act))

    def pause(self, seconds: float) -> None:
        """Return when that much time has passed; called by an act. Nothing waits beyond `until`."""
        if self.now + seconds > self.until:
            raise Over
        woken = threading.Semaphore(0)

        def wake() -> None:
            woken.release()
            self._turn.acquire()

        self.agenda.after(seconds, wake)
        self._turn.release()
        woken.acquire()

    def run(self) -> None:
        """Until nothing is planned; the first fault of an act is raised."""
        self.agenda.run()
        self._threads.shutdown()
        for played in self._played:
            played.result()

    def _begin(self, act: Callable[[], None]) -> None:
        self._played = [each for each in self._played if not each.done() or each.exception()]
        self._played.append(self._threads.submit(self._play, act))
        self._turn.acquire()

    def _play(self, act: Callable[[], None]) -> None:
        try:
            with suppress(Over):
                act()
        finally:
            self._turn.release()
