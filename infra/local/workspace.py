"""`.local`: everything that `make run` keeps, for its owner alone."""

import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path
from typing import Final

from infra.local.faults import CannotRun

_NEEDED_BYTES: Final = 100 * 1024 * 1024


class Workspace:
    """The directory and what has which name in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.state = directory / "aws"
        self.api_key = directory / "api-key"
        self.admin_key = directory / "admin-key"
        self.running = directory / "running.json"
        self._lock: int | None = None

    def log(self, child: str) -> Path:
        return self.directory / f"{child}.log"

    def pepper(self) -> str:
        """Return the secret that this installation's key digests are made with, the same at every start."""
        file = self.directory / "pepper"
        if not file.exists():
            write_private(file, secrets.token_urlsafe(32))
        return file.read_text()

    def claim(self) -> None:
        """Make the directory this run's own, or say why it cannot be."""
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with tempfile.TemporaryFile(dir=self.directory) as probe:
                probe.write(b"?")
        except OSError as fault:
            raise CannotRun(f"{self.directory} cannot be written: {fault.strerror}") from fault
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise CannotRun(f"another `make run` is using {self.directory}: stop it first") from fault
        free = shutil.disk_usage(self.directory).free
        if free < _NEEDED_BYTES:
            raise CannotRun(
                f"the disk that holds {self.directory} has {free // 1_000_000} MB left"
                f" and {_NEEDED_BYTES // 1_000_000} are needed"
            )


def write_private(path: Path, content: str) -> None:
    """Replace `path` by a file that only its owner reads; a kill leaves the old one or the new one, whole."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
