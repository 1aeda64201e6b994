"""The processes of the ledger's benchmark, and the environment that the peer lives in."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.figures import Row
from benchmarks.ledger_jobs import Job

ROOT: Final = Path(__file__).parents[1]
PEERS: Final = ROOT / "build" / "peers"
LOCK: Final = ROOT / "requirements-peers.txt"
_UV: Final = str(Path(sys.executable).with_name("uv"))
_INDEX: Final = (sys.executable, "-m", "pip", "config", "get", "global.index-url")


class Contender:
    """A ledger's process, which waits for jobs."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def do(self, job: Job) -> Row:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(job.line, file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("make bench: a ledger's process ended; its own words are above")
        row: Row = json.loads(line)
        return row


@contextmanager
def contenders() -> Iterator[dict[str, Contender]]:
    """Our ledger and its peer, which is left out where its packages cannot be had."""
    pythons = {"tidegate": (sys.executable, "benchmarks.ledger_own")}
    if peer := _peer_python():
        pythons["zae-limiter"] = (peer, "benchmarks.ledger_peer")
    with ExitStack() as stack:
        started = {name: stack.enter_context(_started(*command)) for name, command in pythons.items()}
        yield {name: Contender(process) for name, process in started.items()}
        for process in started.values():
            assert process.stdin is not None
            process.stdin.close()  # the end of its jobs


def _started(python: str, module: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen([python, "-m", module], cwd=ROOT, stdin=pipe, stdout=pipe, text=True)  # noqa: S603


def _peer_python() -> str | None:
    """The interpreter of build/peers, made once for each lock."""
    python, ready = PEERS / "bin" / "python", PEERS / "ready"
    if not ready.exists() or ready.read_text() != LOCK.read_text():
        try:
            _make_peers(str(python))
        except subprocess.CalledProcessError as fault:
            print(f"make bench: no peer to compare with: {fault}", file=sys.stderr)
            return None
        ready.write_text(LOCK.read_text())
    return str(python)


def _make_peers(python: str) -> None:
    told = subprocess.run(_INDEX, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or told
    environment = os.environ | ({"UV_DEFAULT_INDEX": index} if index else {})
    made = [_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(PEERS)]
    filled = [_UV, "pip", "sync", "--quiet", "--require-hashes", "--python", python, str(LOCK)]
    for command in (made, filled):
        subprocess.run(command, env=environment, check=True)  # noqa: S603
