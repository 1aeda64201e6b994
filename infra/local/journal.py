"""A file of changes to items, appended before a write is acknowledged and read back after a crash."""

import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

Item = dict[str, object]
Change = tuple[str, str, str, Item | None]


class Journal:
    """One JSON line per request, so that all of a transaction survives or none of it.

    A line states what items became, not what was asked: reading it twice, or over a later state, changes
    nothing, and neither the clock nor an expiry in between can make it mean something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._end = os.fstat(self._file).st_size
        self._lock = threading.Lock()  # the thread that expires items writes too

    @property
    def size_bytes(self) -> int:
        return self._end

    def append(self, changes: Sequence[Change]) -> None:
        """Hand `changes` to the operating system; after `OSError` none of them is read back."""
        line = json.dumps(changes, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._write(line)
            except OSError:
                with suppress(OSError):  # a disk that takes nothing back either: `replay` cuts a half line off
                    os.ftruncate(self._file, self._end)
                raise
            self._end += len(line)

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def replay(self) -> Iterator[Change]:
        """Yield every change in order, and cut off what a killed process left half written."""
        whole = 0
        with self.path.open("rb") as lines:
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                yield from json.loads(line)
                whole += len(line)
        if whole < self._end:
            os.ftruncate(self._file, whole)
            self._end = whole

    def close(self) -> None:
        os.close(self._file)
