"""The processes of the ledger's benchmark, and the environment that the peer lives in."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.environments import ROOT, python_of
from benchmarks.figures import Row
from benchmarks.ledger_jobs import Job


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
    if peer := python_of("peers"):
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
