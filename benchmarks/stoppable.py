"""A benchmark that is stopped ends what it started, whichever way it is told to."""

import signal
from types import FrameType
from typing import Final, NoReturn

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_BY_SIGNAL: Final = 128  # as a shell tells of a process that a signal ended


def stoppable() -> None:
    """From now on leave all blocks, and so what they opened, at ^C, SIGTERM and SIGHUP, where they are not ignored."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(_BY_SIGNAL + number)
