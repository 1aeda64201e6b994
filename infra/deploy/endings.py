"""Who is told to end says first what was done, and ends what it started."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_TOLD: Final = (signal.SIGTERM, signal.SIGHUP)
_GRACE_S: Final = 5.0


@contextmanager
def taken_as_interrupts() -> Iterator[None]:
    """Within, to be told to end is as Ctrl-C; what is ignored, as by `nohup`, stays so."""
    before = {each: signal.getsignal(each) for each in _TOLD}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, signal.default_int_handler)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def run_below(command: list[str], *, cwd: str, environ: dict[str, str]) -> tuple[int, str]:
    """The command's status and words; it and what it started end before an exception leaves here."""
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,  # else pip, which Chalice calls, would outlive it
    )
    try:
        said, _ = process.communicate()
    except BaseException:
        _end(process)
        raise
    return process.returncode, said


def _end(process: subprocess.Popen[str]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(_GRACE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
