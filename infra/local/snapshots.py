"""The emulator's state on disk: numbered snapshots, each with the journal of what came after it.

A snapshot becomes visible by one rename, and its number names its journal: at no instant can a kill leave a
state of which half is old, or a journal that belongs to another state.
"""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from infra.local.journal import Journal

_SNAPSHOT: Final = re.compile(r"state-(\d+)")


class Snapshots:
    """The newest snapshot in `directory` and its open journal."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._number = max(map(int, _numbers(directory)), default=0)
        self._forget_others()
        self.journal = Journal(self._journal_path)

    @property
    def path(self) -> Path:
        return self._directory / f"state-{self._number}"

    @property
    def _journal_path(self) -> Path:
        return self._directory / f"journal-{self._number}"

    def read_mark(self) -> str:
        """Return what the caller of `save` called this state; nothing when none was ever saved."""
        mark = self.path / "mark"
        return mark.read_text() if mark.exists() else ""

    def save(self, write: Callable[[Path], None], mark: str) -> None:
        """Let `write` fill a new snapshot, then begin its journal; after an error all is as it was."""
        fresh = self._directory / "state.tmp"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        try:
            write(fresh)
            (fresh / "mark").write_text(mark)
            for file in fresh.iterdir():
                _flush(file)
            journal = Journal(self._directory / f"journal-{self._number + 1}")  # a full disk may have no room for it
            fresh.rename(self._directory / f"state-{self._number + 1}")
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)  # its room is the journal's
            raise
        self._number += 1
        self.journal.close()
        self.journal = journal
        self._forget_others()

    def _forget_others(self) -> None:
        kept = {self.path.name, self._journal_path.name, "lock"}
        for other in self._directory.iterdir():
            if other.name not in kept:
                shutil.rmtree(other) if other.is_dir() else other.unlink()


def _numbers(directory: Path) -> list[str]:
    found = (_SNAPSHOT.fullmatch(entry.name) for entry in directory.iterdir())
    return [match[1] for match in found if match]


def _flush(file: Path) -> None:
    with file.open("rb") as content:
        os.fsync(content.fileno())
