"""Callers over HTTP: a thread and a kept-alive socket for each, doing too little to be what is measured."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from benchmarks.product import HOST
from benchmarks.turns import CHUNKS, body, piecewise_question

_PATIENCE_S: Final = 30.0
_PIECE: Final = 65_536
_OK: Final = b"HTTP/1.1 200"
_numbers = count()


@dataclass(frozen=True)
class Kind:
    """A kind of request: its next body, what its answer must say, and what must be at the answer's end."""

    name: str
    body: Callable[[], bytes]
    cache: bytes
    chunks: int = 0


@dataclass
class Outcome:
    """What one cell gave: when it began and ended, and each answer's time in seconds."""

    began: float = 0.0
    ended: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def begin(self) -> None:
        self.began = time.perf_counter()


def _fresh(text: Callable[[int], str], **fields: bool) -> Callable[[], bytes]:
    return lambda: json.dumps(body(text(next(_numbers)), **fields)).encode()


KINDS: Final = (
    Kind("hit", lambda: json.dumps(body("What is a spring tide?")).encode(), b"hit"),
    Kind("miss", _fresh("What is wave number {}?".format), b"miss"),
    Kind("stream", _fresh(lambda number: piecewise_question(1_000_000 + number), stream=True), b"miss", CHUNKS),
)


class Caller:
    """One connection; every answer that comes over it is checked."""

    def __init__(self, port: int, key: str) -> None:
        self._head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}:{port}\r\nAuthorization: Bearer {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._socket = socket.create_connection((HOST, port), _PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, kind: Kind) -> None:
        """Send one request and read its answer to the end."""
        asked = kind.body()
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(asked), asked))
        head, _, answer = self._until(b"", b"\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(_OK), head + answer
        assert b"\r\nx-tidegate-cache: " + kind.cache + b"\r\n" in head, f"not a {kind.name}: {head.decode()}"
        if kind.chunks:
            self._check_events(kind, self._until(answer, b"\r\n0\r\n\r\n"))
            return
        length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0])
        while len(answer) < length:
            answer += self._piece()
        assert answer.endswith(b"}"), answer

    def close(self) -> None:
        self._socket.close()

    def _check_events(self, kind: Kind, answer: bytes) -> None:
        """The role, each piece, the end, and [DONE]."""
        assert answer.count(b"data: {") == kind.chunks + 2, answer
        assert answer.count(b"data: [DONE]") == 1, answer

    def _until(self, got: bytes, end: bytes) -> bytes:
        while end not in got:
            got += self._piece()
        return got

    def _piece(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        assert piece, "the server closed the connection"
        return piece


def offer(kind: Kind, callers: list[Caller], seconds: float) -> Outcome:
    """Let every caller ask again and again for so long; a fault of any is raised."""
    outcome = Outcome()
    start = threading.Barrier(len(callers), action=outcome.begin)
    with ThreadPoolExecutor(len(callers)) as threads:
        working = [threads.submit(_ask_for, seconds, kind, caller, start, outcome) for caller in callers]
        for each in working:
            each.result()
    outcome.ended = time.perf_counter()
    return outcome


def _ask_for(seconds: float, kind: Kind, caller: Caller, start: threading.Barrier, outcome: Outcome) -> None:
    start.wait()
    while (began := time.perf_counter()) < outcome.began + seconds:
        caller.ask(kind)
        outcome.seconds.append(time.perf_counter() - began)
