"""Lambda's side of the Runtime API for one process: it hands out an event, and knows what the answer took.

A process that waits for its next event uses no processor. So what it has used by then is its initialisation, and what
it uses between two such moments is the event's, whoever has the cores meanwhile.
"""

import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, Final, Self

from benchmarks.packaged.package import Function

ACCOUNT: Final = "000000000000"
REGION: Final = "us-east-1"
DELIMITER: Final = bytes(8)  # between the head and the body of an answer that streams
PATIENCE_S: Final = 60
_SECONDS: Final = 900


@dataclass(frozen=True)
class Took:
    """Processor time and time, in milliseconds."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True)
class Answered(Took):
    """What an event took, and the answer to it."""

    head: Mapping[str, Any]
    body: bytes


@dataclass(frozen=True)
class _Asked:
    """One request of the process."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: socket.socket


class Lambda:
    """One function as a process, from its start until the block ends; its log is a file."""

    def __init__(self, function: Function, task: Path, environ: Mapping[str, str], python: str) -> None:
        """`python` is an interpreter with awslambdaric, which stands for AWS's own runtime."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._readers: dict[socket.socket, BufferedReader] = {}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - `close` ends it
        self._number = 0
        self._began = time.perf_counter()
        wrapped = [str(task / "chalicelib/runtime/start"), getattr(sys, "_base_executable", sys.executable)]
        command = wrapped if function.streams else [python, "-m", "awslambdaric", function.handler]
        self._process = subprocess.Popen(  # noqa: S603
            command, cwd=task, env=self._environment(function, task, environ), stdout=self._log, stderr=self._log
        )
        self._waits: _Asked | None = None
        self.started = self._until_it_waits(0.0)

    def _environment(self, function: Function, task: Path, environ: Mapping[str, str]) -> dict[str, str]:
        host, port = self._listener.getsockname()
        ours = {
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": f"tidegate-solo-{function.name}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "LAMBDA_TASK_ROOT": str(task),
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task cannot be written
            "_HANDLER": function.handler,
        }
        return {**environ, **ours}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait(PATIENCE_S)
        for connection, reader in self._readers.items():
            reader.close()
            connection.close()
        self._listener.close()
        self._log.close()

    @property
    def logged(self) -> int:
        """The bytes of its log."""
        return os.fstat(self._log.fileno()).st_size

    def log(self) -> str:
        """All that it wrote."""
        return os.pread(self._log.fileno(), self.logged, 0).decode()

    def ask(self, event: Any) -> Answered:
        """Have one event answered, and wait until the process waits again; ends the run where it fails."""
        assert self._waits is not None
        self._number += 1
        content, cpu = json.dumps(event).encode(), self._cpu_ms()
        told = {
            "Aws-Request-Id": f"00000000-0000-0000-0000-{self._number:012d}",
            "Deadline-Ms": str(int((time.time() + _SECONDS) * 1e3)),
            "Invoked-Function-Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:tidegate",
            "Trace-Id": "Root=1-5f0b1c2d-000000000000000000000000;Sampled=0",
        }
        heads = "".join(f"Lambda-Runtime-{name}: {value}\r\n" for name, value in told.items())
        begun = time.perf_counter()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n{heads}\r\n"
        self._waits.connection.sendall(head.encode() + content)
        answer = self._next()
        took = (time.perf_counter() - begun) * 1e3
        assert answer.path.endswith("/response"), f"{answer.body.decode()}\n{self.log()}"
        answer.connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        rest = self._until_it_waits(cpu)
        return Answered(rest.cpu_ms, took, *_parted(answer.body))

    def _until_it_waits(self, cpu: float) -> Took:
        """The next request, which must be for an event; what was used since `cpu`."""
        self._waits = self._next()
        wall = (time.perf_counter() - self._began) * 1e3
        assert self._waits.path.endswith("/next"), f"{self._waits.body.decode()}\n{self.log()}"
        return Took(self._cpu_ms() - cpu, wall)

    def _cpu_ms(self) -> float:
        """Of all its threads, those that ended too, as `clock_getcpuclockid` names the clock of another process."""
        return time.clock_gettime_ns((~self._process.pid << 3) | 2) / 1e6

    def _next(self) -> _Asked:
        """The next request on any connection: a client may open a new one whenever it likes."""
        while True:
            ready, _, _ = select.select([self._listener, *self._readers], [], [], PATIENCE_S)
            assert ready, f"the function does nothing\n{self.log()}"
            if self._listener in ready:
                connection, _ = self._listener.accept()
                self._readers[connection] = connection.makefile("rb")
                continue
            line = self._readers[ready[0]].readline()
            if line:
                return _read(line, self._readers[ready[0]], ready[0])
            self._readers.pop(ready[0]).close()
            ready[0].close()


def _read(line: bytes, reader: BufferedReader, connection: socket.socket) -> _Asked:
    headers = _headers(reader)
    chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    body = _chunks(reader) if chunked else reader.read(int(headers.get("content-length", "0")))
    return _Asked(line.split()[1].decode(), headers, body, connection)


def _headers(reader: BufferedReader) -> dict[str, str]:
    lines = iter(lambda: reader.readline().decode().rstrip("\r\n"), "")
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _chunks(reader: BufferedReader) -> bytes:
    pieces = []
    while size := int(reader.readline(), 16):
        pieces.append(reader.read(size))
        reader.readline()
    _headers(reader)  # trailers
    return b"".join(pieces)


def _parted(answer: bytes) -> tuple[Mapping[str, Any], bytes]:
    """Head and body of an HTTP answer, whole or streamed; another has no head."""
    head, streamed, body = answer.partition(DELIMITER)
    if streamed:
        return json.loads(head), body
    told = json.loads(answer or b"null")
    if isinstance(told, dict) and "statusCode" in told:
        return told, str(told.get("body", "")).encode()
    return {}, answer
