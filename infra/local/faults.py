"""The one way in which `make run` fails: a sentence for the person at the terminal."""

import os
from contextlib import suppress
from typing import Final, NoReturn

DISK_FAULT: Final = 74  # what sysexits.h calls EX_IOERR: the log is on the same disk, and may say nothing


def stop_at_once(sentence: str) -> NoReturn:
    """End this process before it answers anybody: what it would acknowledge is nowhere but in its memory."""
    with suppress(OSError):
        os.write(2, f"{sentence}\n".encode())
    os._exit(DISK_FAULT)


class CannotRun(Exception):
    """What is wrong and what to do about it, in one sentence; nothing that was started is left running."""


class Interrupted(Exception):
    """The person, or the machine, asked for the end: not a failure."""
