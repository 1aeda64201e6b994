"""The product as `make run` starts it, in a directory of its own and on a free port."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import children
from infra.weights import WEIGHTS

HOST: Final = "127.0.0.1"
UPSTREAM: Final = "simulated://echo?directives=1"
_GRACE_S: Final = 60


@dataclass(frozen=True)
class Product:
    """A run that answers, its key, and how other processes reach its emulated AWS."""

    port: int
    key: str
    admin_key: str
    environment: dict[str, str]
    root: int
    api: int
    worker: int
    emulator: int

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def post(self, path: str, body: Any, key: str | None = None) -> Any:
        """What the product answers to a body; raises HTTPError for a refusal."""
        return self._ask(path, json.dumps(body).encode(), key or self.key)

    def get(self, path: str, key: str | None = None) -> Any:
        """What is there; raises HTTPError for a refusal."""
        return self._ask(path, None, key or self.key)

    def _ask(self, path: str, body: bytes | None, key: str) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://{HOST}:{self.port}{path}", body, headers)
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - of this machine
            return json.load(answer)


@contextmanager
def running(upstream: str = UPSTREAM, **options: str) -> Iterator[Product]:
    """Start the product, with options of `make run`, and stop it when the block is left; nothing of it stays."""
    if not WEIGHTS.exists():
        raise SystemExit("make bench: the embedder's weights are not there, and every lookup by meaning would fail")
    with tempfile.TemporaryDirectory(prefix="tidegate-bench-") as directory:
        port = free_port()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
        ours = {"PORT": str(port), "TIDEGATE_LOCAL_DIR": directory, "UPSTREAM": upstream, "MAKELEVEL": "1", **options}
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "infra.local"], env=inherited | ours, stdout=subprocess.PIPE, text=True
        )
        try:
            yield _ready(supervisor, ours, Path(directory))
        finally:
            supervisor.terminate()
            supervisor.wait(_GRACE_S)


def _ready(supervisor: subprocess.Popen[str], options: dict[str, str], directory: Path) -> Product:
    assert supervisor.stdout is not None
    line = supervisor.stdout.readline()
    if not line.startswith("ready "):
        raise SystemExit("make bench: the product did not start; its own words are above")
    started = children(supervisor.pid)
    return Product(
        port=int(options["PORT"]),
        key=(directory / "api-key").read_text().strip(),
        admin_key=(directory / "admin-key").read_text().strip(),
        environment={**json.loads((directory / "running.json").read_text()), "TIDEGATE_UPSTREAM": options["UPSTREAM"]},
        root=supervisor.pid,
        api=started["infra.local.serve"],
        worker=started["infra.local.worker"],
        emulator=started["infra.local.emulator"],
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
