"""The gateways side by side, each started as its own documentation says, in front of the same model."""

import json
import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.environments import ROOT
from benchmarks.load import encoded
from benchmarks.peers.installs import Installed
from benchmarks.peers.upstream import HOST
from benchmarks.processes import family
from benchmarks.product import Product, free_port, running
from benchmarks.turns import MODEL

_GRACE_S: Final = 20
_START_S: Final = 120
_PAUSE_S: Final = 0.05
_CONVERSATIONS: Final = 400
_UNLIMITED: Final = "unlimited"
FLOOR: Final = "calls alone"
"""No gateway: what a miss asks of others, and nothing of its own."""


@dataclass(frozen=True, eq=False)
class Gateway:
    """One that answers: where, to which headers, its processes, and what it took to start."""

    name: str
    port: int
    headers: Mapping[str, str]
    roots: tuple[int, ...]
    apart: int | None = None
    """The process of its emulated AWS, which is not its own work."""
    started_s: float = 0.0
    conversations: tuple[str, ...] = ()

    def answered(self) -> int:
        """How many completions the model has given; only the model knows."""
        with urllib.request.urlopen(f"http://{HOST}:{self.port}/count") as told:
            return int(told.read())

    @property
    def pids(self) -> set[int]:
        whole = set().union(*map(family, self.roots))
        return whole - (family(self.apart) if self.apart else set())


@contextmanager
def model() -> Iterator[Gateway]:
    """The model itself: what a gateway's answer is compared with."""
    command = [sys.executable, "-m", "benchmarks.peers.upstream"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield Gateway("no gateway", int(process.stdout.readline()), {}, (process.pid,))
    finally:
        process.terminate()
        process.wait(_GRACE_S)


@contextmanager
def gateways(upstream: int, installed: Installed, folder: Path) -> Iterator[list[Gateway]]:
    """Tidegate with everything and as a plain gateway, LiteLLM and Portkey, and the calls of a miss alone."""
    url = f"http://{HOST}:{upstream}/v1"
    with ExitStack() as stack:
        yield [
            stack.enter_context(_everything(url)),
            stack.enter_context(_plain(url)),
            stack.enter_context(_litellm(url, installed, folder)),
            stack.enter_context(_portkey(url, installed, folder)),
            stack.enter_context(_floor(url, folder)),
        ]


@contextmanager
def _everything(url: str) -> Iterator[Gateway]:
    """As `make run` starts it: limits per user and tenant, both caches, history where it is asked for."""
    with _ours("tidegate", url) as (gateway, product):
        made = tuple(product.post("/v1/conversations", {})["id"] for _ in range(_CONVERSATIONS))
        yield replace(gateway, conversations=made)


@contextmanager
def _plain(url: str) -> Iterator[Gateway]:
    """A key whose plan limits nothing, and no cache."""
    with _ours("tidegate, plain", url, TIDEGATE_CACHE="false", SEMANTIC="off") as (gateway, product):
        product.post("/admin/plans", {"name": _UNLIMITED, "limits": []}, product.admin_key)
        owner = {"tenant": "bench", "user": "bench", "plan": _UNLIMITED, "scopes": ["chat"]}
        key = product.post("/admin/keys", owner, product.admin_key)["key"]
        yield replace(gateway, headers={"Authorization": f"Bearer {key}"})


@contextmanager
def _ours(name: str, url: str, **options: str) -> Iterator[tuple[Gateway, Product]]:
    began = time.perf_counter()
    with running(f"openai+{url}", UPSTREAM_MODEL="bench", **options) as product:
        took = time.perf_counter() - began
        yield Gateway(name, product.port, product.headers, (product.root,), product.emulator, took), product


@contextmanager
def _floor(url: str, folder: Path) -> Iterator[Gateway]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.peers.floor", f"--port={port}", f"--model={url}"]
    with running() as product, _started(command, product.environment, folder / "floor.log") as process:
        started_s = _until_ready(process, port, {})
        yield Gateway(FLOOR, port, {}, (process.pid,), product.emulator, started_s)


@contextmanager
def _litellm(url: str, installed: Installed, folder: Path) -> Iterator[Gateway]:
    """One worker, no database, no cache: its quickest."""
    parameters = {"model": "openai/bench", "api_base": url, "api_key": "none"}
    config = folder / "litellm.json"
    config.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": parameters}]}))
    port, key = free_port(), f"sk-{secrets.token_hex(16)}"
    command = [installed.litellm, "--config", str(config), "--host", HOST, "--port", str(port), "--num_workers", "1"]
    environment = {"LITELLM_MASTER_KEY": key, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}
    with _started(command, environment, folder / "litellm.log") as process:
        headers = {"Authorization": f"Bearer {key}"}
        yield Gateway("litellm", port, headers, (process.pid,), started_s=_until_ready(process, port, headers))


@contextmanager
def _portkey(url: str, installed: Installed, folder: Path) -> Iterator[Gateway]:
    port = free_port()
    command = ["node", installed.portkey, "--headless", f"--port={port}"]
    headers = {"Authorization": "Bearer none", "x-portkey-provider": "openai", "x-portkey-custom-host": url}
    with _started(command, {"TRUSTED_CUSTOM_HOSTS": HOST}, folder / "portkey.log") as process:
        yield Gateway("portkey", port, headers, (process.pid,), started_s=_until_ready(process, port, headers))


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEGATE_", "AWS_"))}
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**kept, **environment}, stdout=output, stderr=output)  # noqa: S603
    try:
        yield process
    finally:
        process.terminate()
        process.wait(_GRACE_S)


def _until_ready(process: subprocess.Popen[bytes], port: int, headers: Mapping[str, str]) -> float:
    """Ask until it answers; how long that took since it was started, in seconds."""
    began = time.perf_counter()
    asked = encoded("Are you there?")
    request = urllib.request.Request(
        f"http://{HOST}:{port}/v1/chat/completions", asked, {**headers, "Content-Type": "application/json"}
    )
    while time.perf_counter() < began + _START_S and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(request, timeout=_START_S):  # noqa: S310
            return time.perf_counter() - began
        time.sleep(_PAUSE_S)
    raise SystemExit(f"make bench-peers: {Path(str(process.args[0])).name} did not start")  # type: ignore[index]
