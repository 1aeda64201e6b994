"""What Linux knows of a process: its processor time, its memory, its children."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PARENT, _USER, _SYSTEM, _THREADS = 1, 11, 12, 17  # places in /proc/<pid>/stat, behind the name


def cpu_seconds(pid: int) -> float:
    """What the process has used of the processors, with the kernel's work for it."""
    fields = _stat(str(pid))
    return (int(fields[_USER]) + int(fields[_SYSTEM])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int | None = None) -> float:
    """The part of a process's memory, by default this one's, that is in RAM, in MB, to the kilobyte."""
    pages = int((_PROC / str(pid or "self") / "statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 3)


def descriptors(pid: int) -> int:
    """How many files and connections the process has open."""
    return sum(1 for _ in (_PROC / str(pid) / "fd").iterdir())


def threads(pid: int) -> int:
    return int(_stat(str(pid))[_THREADS])


def children(parent: int) -> dict[str, int]:
    """The processes that `parent` started, by the module that each runs."""
    found: dict[str, int] = {}
    for directory in _PROC.iterdir():
        with suppress(OSError, ValueError):
            words = (directory / "cmdline").read_text().split("\0") if directory.name.isdigit() else []
            if "-m" in words and _stat(directory.name)[_PARENT] == str(parent):
                found[words[words.index("-m") + 1]] = int(directory.name)
    return found


def family(root: int) -> set[int]:
    """A process and all that it, and they, started."""
    parents = {}
    for directory in _PROC.iterdir():
        with suppress(OSError, ValueError):
            parents[int(directory.name)] = int(_stat(directory.name)[_PARENT])
    found = {root}
    while born := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= born
    return found


def _stat(pid: str) -> list[str]:
    return (_PROC / pid / "stat").read_text().rpartition(")")[2].split()
