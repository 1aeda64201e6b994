"""The product as `make run` starts it, in a directory of its own and on a free port."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.processes import children

HOST: Final = "127.0.0.1"
UPSTREAM: Final = "simulated://echo?directives=1"
_GRACE_S: Final = 60


@dataclass(frozen=True)
class Product:
    """A run that answers, its key, and how other processes reach its emulated AWS."""

    port: int
    key: str
    environment: dict[str, str]
    api: int
    emulator: int


@contextmanager
def running() -> Iterator[Product]:
    """Start the product, and stop it when the block is left; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
        port = _free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        options = {"PORT": str(port), "TIDEGATE_LOCAL_DIR": directory, "UPSTREAM": UPSTREAM, "MAKELEVEL": "1"}
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.local"], env=inherited | options, stdout=subprocess.PIPE, text=True
        )
        try:
            yield _ready(supervisor, port, Path(directory))
        finally:
            supervisor.terminate()
            supervisor.wait(_GRACE_S)


def _ready(supervisor: subprocess.Popen[str], port: int, directory: Path) -> Product:
    assert supervisor.stdout is not None
    line = supervisor.stdout.readline()
    if not line.startswith("ready "):
        raise SystemExit("make bench: the product did not start; its own words are above")
    started = children(supervisor.pid)
    return Product(
        port=port,
        key=(directory / "api-key").read_text().strip(),
        environment={**json.loads((directory / "running.json").read_text()), "TIDEGATE_UPSTREAM": UPSTREAM},
        api=started["infra.local.serve"],
        emulator=started["infra.local.emulator"],
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
