"""A real HTTP server on 127.0.0.1 in SageMaker's place, with faults to order.

What the container behind it says is that of `openai_server`; this adds what SageMaker does to it.
"""

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.upstreams import openai_server
from tests.upstreams.bedrock_server import encoded


@dataclass(frozen=True)
class Reply:
    """How one request is answered; by default well, from what was asked.

    `error` is a code such as `ValidationError`, sent with `status` and `fields`, or as an exception after `error_after`
    payload parts. `body` is what the container says, in a stream too. A stream is cut into parts of `part` bytes
    (0: event by event) and written in pieces of `piece` bytes (0: part by part); `bare` leaves JSON alone on a line.
    """

    status: int = 200
    error: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    error_after: int | None = None
    body: bytes | None = None
    said: openai_server.Reply = field(default_factory=openai_server.Reply)
    bare: bool = False
    part: int = 0
    piece: int = 0
    cut_after: int | None = None
    hang_after: int | None = None


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw)


class SageMakerServer:
    """Serves until the block ends; `hung_up` is released whenever a client leaves in the middle of an answer."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[Received] = []
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: SageMakerServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def log_message(self, *_: object) -> None:
        """A test's output is its result."""

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.path, headers, self.rfile.read(int(headers["content-length"])))
        self.owner.requests.append(received)
        reply = self.owner.replies.popleft() if self.owner.replies else Reply()
        try:
            self._answer({"model": "served", **received.body}, reply)
        except OSError:
            self.close_connection = True
            self.owner.hung_up.release()

    def _answer(self, body: dict[str, Any], reply: Reply) -> None:
        if reply.hang_after == 0:
            self._hang()
        elif reply.cut_after == 0:
            self.close_connection = True
        elif reply.error and reply.error_after is None:
            self._refuse(reply)
        elif self.path.endswith("/invocations-response-stream"):
            self._stream(parts(body, reply), reply)
        else:
            answer = openai_server.embeddings(body) if "input" in body else openai_server.completion(body, reply.said)
            self._whole(json.dumps(answer).encode() if reply.body is None else reply.body, reply)

    def _refuse(self, reply: Reply) -> None:
        headers = {"x-amzn-errortype": f"{reply.error}:http://internal.amazon.com/", **reply.headers}
        self._send(reply.status, headers, json.dumps({"Message": "as ordered", **reply.fields}).encode())

    def _whole(self, data: bytes, reply: Reply) -> None:
        if reply.cut_after:
            self._head(200, {"content-type": "application/json", "content-length": str(len(data))})
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
        elif reply.hang_after:
            self._head(200, {"content-type": "application/json", "content-length": str(len(data))})
            self.wfile.write(data[: len(data) // 2])
            self._hang()
        else:
            self._send(reply.status, {"content-type": "application/json", **reply.headers}, data)

    def _stream(self, frames: Iterator[bytes], reply: Reply) -> None:
        self._head(200, {"content-type": "application/vnd.amazon.eventstream", "transfer-encoding": "chunked"})
        for count, frame in enumerate(frames):
            if count == reply.hang_after:
                return self._hang()
            if count == reply.cut_after:
                self.close_connection = True
                return None
            for piece in cut(frame, reply.piece):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self._head(status, {**headers, "content-length": str(len(data))})
        self.wfile.write(data)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _hang(self) -> None:
        self.close_connection = True
        self.connection.recv(1)  # nothing comes until the client leaves
        self.owner.hung_up.release()


def parts(body: dict[str, Any], reply: Reply) -> Iterator[bytes]:
    """The frames of a stream: payload parts, and the exception that was ordered among them."""
    said = _said(body, reply)
    for count, data in enumerate(cut(b"".join(said), reply.part) if reply.part else said):
        if count == reply.error_after and reply.error:
            break
        yield encoded("event", "PayloadPart", data)
    if reply.error:
        yield encoded("exception", reply.error, json.dumps({"Message": "as ordered", **reply.fields}).encode())


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """`data` in pieces of `size` bytes; 0 leaves it whole."""
    yield from (data[start : start + (size or len(data))] for start in range(0, len(data), size or len(data)))


def _said(body: dict[str, Any], reply: Reply) -> list[bytes]:
    if reply.body is not None:
        return [reply.body] if reply.body else []
    events = reply.said.events if reply.said.events is not None else openai_server.chunks(body, reply.said)
    if reply.bare:
        return [f"{event.removeprefix('data: ').strip()}\n".encode() for event in events if "[DONE]" not in event]
    return [event.replace("\n", reply.said.end).encode() for event in events]
