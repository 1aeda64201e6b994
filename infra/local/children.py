"""Processes that the supervisor starts and outlives."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from infra.local.faults import DISK_FAULT
from infra.local.lifeline import SERVE

_ROUTINE: Final = ("DEBUG", "INFO")


class Child:
    """One process in its own session: a Ctrl-C reaches it through the supervisor, in the right order."""

    def __init__(self, name: str, log: Path, *, grace_s: float) -> None:
        self.name = name
        self.log = log
        self._grace_s = grace_s
        self._process: subprocess.Popen[bytes] | None = None
        self._reader, self.lifeline = os.pipe()

    def start(
        self, module: str, arguments: Sequence[str], environment: dict[str, str], descriptors: Sequence[int]
    ) -> None:
        """Run `module`; it inherits `descriptors`, and the lifeline's reading end, named in an argument."""
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.old"))
        with self.log.open("wb") as log:
            self.log.chmod(0o600)
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, "--lifeline", str(self._reader), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                pass_fds=[self._reader, *descriptors],
                start_new_session=True,
            )
        os.close(self._reader)

    def serve(self) -> None:
        os.write(self.lifeline, SERVE)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def obituary(self) -> str:
        """How it ended and the last it said, in one sentence."""
        code = self._process.returncode if self._process else 0
        if code == DISK_FAULT:
            disk = f"the disk that holds {self.log.parent} could not be written, or is full"
            return f"the {self.name} stopped, and acknowledged nothing after that: {disk} (its log: {self.log})"
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"the {self.name} {how}; its last words: {self._last_words()} (all of them: {self.log})"

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return next((line.strip() for line in reversed(lines) if not _is_routine(line)), "none")

    def stop(self, *, hurried: Callable[[], bool]) -> None:
        """Return when the process and what it started are gone; cleanly, if time and `hurried` allow it."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
        deadline = time.monotonic() + self._grace_s
        while process.poll() is None and time.monotonic() < deadline and not hurried():
            time.sleep(0.01)
        with suppress(ProcessLookupError, PermissionError):  # nobody left; macOS says so by EPERM
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_routine(line: str) -> bool:
    """Whether this is a log line of a request like any other, which explains no death."""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return isinstance(entry, dict) and entry.get("level") in _ROUTINE
