"""Callers over HTTP: a thread and a kept-alive socket for each, doing too little to be what is measured."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from benchmarks.product import HOST
from benchmarks.turns import CHUNKS, body, piecewise_question

_PATIENCE_S: Final = 30.0
_PIECE: Final = 65_536
_OK: Final = b"http/1.1 200"
_END: Final = b"\r\n0\r\n\r\n"
HIT: Final = b"\r\nx-tidegate-cache: hit\r\n"
MISS: Final = b"\r\nx-tidegate-cache: miss\r\n"
_numbers = count()


@dataclass(frozen=True)
class Kind:
    """A kind of request: its next body, what the head of its answer must say, and what a stream must hold how often."""

    name: str
    body: Callable[[], bytes]
    says: bytes = b""
    holds: bytes = b""
    times: int = 0


@dataclass
class Outcome:
    """What one cell gave: when it began and ended, and each answer's time in seconds."""

    began: float = 0.0
    ended: float = 0.0
    seconds: list[float] = field(default_factory=list)

    def begin(self) -> None:
        self.began = time.perf_counter()


def encoded(text: str, **fields: object) -> bytes:
    """The body of a question."""
    return json.dumps(body(text, **fields)).encode()


def fresh(text: Callable[[int], str], **fields: object) -> Callable[[], bytes]:
    """Bodies of questions that nobody asked before."""
    return lambda: encoded(text(next(_numbers)), **fields)


KINDS: Final = (
    Kind("hit", lambda: encoded("What is a spring tide?"), HIT),
    Kind("miss", fresh("What is wave number {}?".format), MISS),
    Kind(
        "stream",
        fresh(lambda number: piecewise_question(1_000_000 + number), stream=True),
        MISS,
        b"data: {",
        CHUNKS + 2,  # the role, each piece, the end
    ),
)


class Caller:
    """One connection; every answer that comes over it is checked."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        lines = {"Host": f"{HOST}:{port}", **headers, "Content-Type": "application/json"}
        told = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._head = f"POST /v1/chat/completions HTTP/1.1\r\n{told}Content-Length: ".encode()
        self._socket = socket.create_connection((HOST, port), _PATIENCE_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, kind: Kind) -> None:
        """Send one request and read its answer to the end."""
        asked = kind.body()
        self._socket.sendall(b"%s%d\r\n\r\n%s" % (self._head, len(asked), asked))
        head, _, answer = self._until(b"", b"\r\n\r\n").partition(b"\r\n\r\n")
        head = head.lower() + b"\r\n"
        assert head.startswith(_OK), head + answer
        assert kind.says in head, f"not a {kind.name}: {head.decode()}"
        length = head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
        answer = self._counted(answer, int(length)) if length else self._until(answer, _END).removesuffix(_END)
        if kind.holds:
            assert answer.count(kind.holds) == kind.times, answer
            assert answer.count(b"data: [DONE]") == 1, answer
        else:
            assert answer.endswith(b"}"), answer

    def close(self) -> None:
        self._socket.close()

    def _counted(self, got: bytes, length: int) -> bytes:
        while len(got) < length:
            got += self._piece()
        return got

    def _until(self, got: bytes, end: bytes) -> bytes:
        while end not in got:
            got += self._piece()
        return got

    def _piece(self) -> bytes:
        piece = self._socket.recv(_PIECE)
        assert piece, "the server closed the connection"
        return piece


def offer(kind: Kind, callers: list[Caller], seconds: float, rate: float | None = None) -> Outcome:
    """Let every caller ask for so long, again and again or, with a rate, when its turn is; a fault of any is raised.

    At a rate an answer's time counts from when it was to be asked for, whether or not a caller was free then.
    """
    outcome = Outcome()
    start = threading.Barrier(len(callers), action=outcome.begin)
    turns = count()

    def work(caller: Caller) -> None:
        start.wait()
        while (began := time.perf_counter() if rate is None else _due(next(turns), rate)) < outcome.began + seconds:
            caller.ask(kind)
            outcome.seconds.append(time.perf_counter() - began)

    def _due(turn: int, rate: float) -> float:
        due = outcome.began + turn / rate
        if due < outcome.began + seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
        return due

    with ThreadPoolExecutor(len(callers)) as threads:
        for each in [threads.submit(work, caller) for caller in callers]:
            each.result()
    outcome.ended = time.perf_counter()
    return outcome
