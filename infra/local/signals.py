"""What the supervisor waits for: a request to stop, a dead child, or the death of its own `make`."""

import os
import select
import signal
import socket
from types import FrameType
from typing import Final

from infra.local.faults import Interrupted

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HURRIED_AT: Final = 2


class Signals:
    """Handlers only count: nothing is interrupted half-way, and the main thread asks when it can stop."""

    def __init__(self, *, follow_parent: bool) -> None:
        self._count = 0
        self._parent = os.getppid() if follow_parent else None
        self._reader, self._writer = socket.socketpair()
        self._reader.settimeout(0)
        self._writer.settimeout(0)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        for number in _STOPPING:
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup
                signal.signal(number, self._note)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1

    @property
    def hurried(self) -> bool:
        """A second Ctrl-C: whoever sent it no longer waits for a clean end."""
        return self._count >= _HURRIED_AT

    def wait(self, seconds: float) -> None:
        """Sleep until something happens, at most so long; raise `Interrupted` when it is time to stop."""
        self.check()
        if select.select([self._reader], [], [], seconds)[0]:
            self._reader.recv(4096)
        self.check()

    def check(self) -> None:
        if self._count or (self._parent is not None and os.getppid() != self._parent):
            raise Interrupted
