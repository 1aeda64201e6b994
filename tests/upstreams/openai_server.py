"""A real HTTP server on 127.0.0.1 that speaks Chat Completions and Embeddings, and misbehaves to order.

In a test: `with OpenAiServer() as server`, then `server.replies.append(Reply(...))`; `server.requests` is what came in.
For a benchmark, on its own: python -m tests.upstreams.openai_server --port 9001 --first-ms 200 --pause-ms 5
"""

import argparse
import base64
import hashlib
import json
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

DIMENSIONS = 64
DRIPS = 1_000  # then it gives up: a client that never leaves is a failed test, not a hanging one
DRIP_SECONDS = 0.01


@dataclass(frozen=True)
class Reply:
    """How one request is answered; by default well, from what was asked.

    `body` is sent as it is. A stream is written in pieces of `piece` bytes (0: event by event), with `end` between
    lines; after `cut_after` events the connection is dropped, after `hang_after` nothing more comes. `raw` is sent in
    place of everything. `drip` is sent over and over after the rest, until the client leaves.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    text: str | None = None
    events: tuple[str, ...] | None = None
    end: str = "\n"
    piece: int = 0
    cut_after: int | None = None
    hang_after: int | None = None
    usage: bool = True
    done: bool = True
    keep_open: bool = True
    raw: bytes | None = None
    drip: bytes = b""


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Pace:
    """How fast answers come, in milliseconds, and how long they are, in words (0: an echo)."""

    first_ms: float = 0
    pause_ms: float = 0
    words: int = 0
    sleep: Callable[[float], None] = time.sleep


class OpenAiServer:
    """Serves until the block ends; `hung_up` is released whenever a client leaves in the middle of an answer."""

    def __init__(self, port: int = 0, pace: Pace | None = None) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[Received] = []
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        self.pace = pace or Pace()
        self._http = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"owner": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves is no error here."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    owner: OpenAiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def log_message(self, *_: object) -> None:
        """A test's output is its result."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.owner.requests.append(Received(self.path, headers, body))
        reply = self.owner.replies.popleft() if self.owner.replies else Reply()
        try:
            if reply.raw is None:
                self._answer(body, reply)
            else:
                self.wfile.write(reply.raw)
                self._drip(reply.drip)
        except OSError:
            self.close_connection = True
            self.owner.hung_up.release()

    def _answer(self, body: dict[str, Any], reply: Reply) -> None:
        pace = self.owner.pace
        if pace.first_ms:
            pace.sleep(pace.first_ms / 1000)
        if reply.hang_after == 0:
            self._hang()
        elif reply.cut_after == 0:
            self._drop()
        elif self.path.endswith("/embeddings"):
            self._whole(reply, json.dumps(embeddings(body)).encode())
        elif body.get("stream") and reply.body is None and reply.status == 200:
            self._stream(reply, body)
        else:
            self._whole(reply, json.dumps(completion(body, reply, pace.words)).encode())

    def _whole(self, reply: Reply, answer: bytes) -> None:
        data = answer if reply.body is None else reply.body
        self._head(
            reply, {"content-type": "application/json", "content-length": str(len(data) + DRIPS * len(reply.drip))}
        )
        self.wfile.write(data[: len(data) // 2] if reply.cut_after else data)
        if reply.cut_after:
            self._drop()
        if reply.drip:
            self._drip(reply.drip)

    def _stream(self, reply: Reply, body: dict[str, Any]) -> None:
        self._head(reply, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
        events = reply.events if reply.events is not None else chunks(body, reply, self.owner.pace.words)
        for count, event in enumerate(events):
            if count and self.owner.pace.pause_ms:
                self.owner.pace.sleep(self.owner.pace.pause_ms / 1000)
            if count == reply.hang_after:
                return self._hang()
            if count == reply.cut_after:
                return self._drop()
            self._pieces(event.replace("\n", reply.end).encode(), reply.piece)
        if reply.drip:
            return self._drip(b"%x\r\n%s\r\n" % (len(reply.drip), reply.drip))
        self.wfile.write(b"0\r\n\r\n")
        return None

    def _pieces(self, data: bytes, size: int) -> None:
        for start in range(0, len(data), size or len(data)):
            piece = data[start : start + (size or len(data))]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))

    def _head(self, reply: Reply, headers: dict[str, str]) -> None:
        self.send_response(reply.status)
        closing = {} if reply.keep_open else {"connection": "close"}
        for name, value in {**headers, **closing, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _hang(self) -> None:
        self.close_connection = True
        self.connection.recv(1)  # nothing comes until the client leaves
        self.owner.hung_up.release()

    def _drip(self, data: bytes) -> None:
        self.close_connection = True
        for _ in range(DRIPS if data else 0):
            self.wfile.write(data)
            time.sleep(DRIP_SECONDS)

    def _drop(self) -> None:
        self.close_connection = True


def completion(body: dict[str, Any], reply: Reply, words: int = 0) -> dict[str, Any]:
    """A whole answer: an echo within the cap, or the call of the first tool where one is required."""
    message, reason, spent = _said(body, reply, words)
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}],
    }
    return answer | ({"usage": _usage(body, spent)} if reply.usage else {})


def chunks(body: dict[str, Any], reply: Reply, words: int = 0) -> Iterator[str]:
    """The same answer as events, usage in the last chunk where it is asked for."""
    message, reason, spent = _said(body, reply, words)
    yield _event(body, {"role": "assistant", "content": ""})
    for word in _words(message["content"] or ""):
        yield _event(body, {"content": word})
    for index, call in enumerate(message.get("tool_calls", ())):
        called = call["function"]
        yield _event(body, {"tool_calls": [{**call, "index": index, "function": {**called, "arguments": ""}}]})
        for part in (called["arguments"][:5], called["arguments"][5:]):
            yield _event(body, {"tool_calls": [{"index": index, "function": {"arguments": part}}]})
    yield _event(body, {}, reason)
    if reply.usage and body.get("stream_options", {}).get("include_usage"):
        yield f"data: {json.dumps({'choices': [], 'usage': _usage(body, spent)})}\n\n"
    if reply.done:
        yield "data: [DONE]\n\n"


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """A vector for each text, made from its hash, in an order that only `index` tells."""
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    data = [
        {"object": "embedding", "index": index, "embedding": _vector(text, body)} for index, text in enumerate(texts)
    ]
    spent = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": body["model"],
        "data": data[::-1],
        "usage": {"prompt_tokens": spent, "total_tokens": spent},
    }


def _said(body: dict[str, Any], reply: Reply, words: int) -> tuple[dict[str, Any], str, int]:
    if body.get("tools") and body.get("tool_choice", "auto") not in {"auto", "none"}:
        called = {"name": body["tools"][0]["function"]["name"], "arguments": '{"city": "Łódź"}'}
        return (
            {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": called}]},
            "tool_calls",
            3,
        )
    newest = body["messages"][-1]["content"]
    text = "word " * words if words else (reply.text if reply.text is not None else f"Echo: {newest}")
    cap = body.get("max_tokens") or body.get("max_completion_tokens") or 10**9
    said = _words(text)
    return {"content": "".join(said[:cap])}, "length" if len(said) > cap else "stop", min(len(said), cap)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(" ", " \0").split("\0") if word]


def _event(body: dict[str, Any], delta: dict[str, Any], reason: str | None = None) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": body["model"], "choices": [choice]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def _usage(body: dict[str, Any], spent: int) -> dict[str, Any]:
    asked = sum(len(str(message.get("content")).split()) for message in body["messages"])
    return {
        "prompt_tokens": asked,
        "completion_tokens": spent,
        "total_tokens": asked + spent,
        "prompt_tokens_details": {"cached_tokens": 1},
        "completion_tokens_details": None,
    }


def _vector(text: str, body: dict[str, Any]) -> list[float] | str:
    digest = hashlib.shake_128(text.encode()).digest(body.get("dimensions", DIMENSIONS))
    values = [byte / 255 for byte in digest]
    if body.get("encoding_format") == "base64":
        return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9001)
    parser.add_argument("--first-ms", type=float, default=0)
    parser.add_argument("--pause-ms", type=float, default=0)
    parser.add_argument("--words", type=int, default=0)
    asked = parser.parse_args()
    with OpenAiServer(asked.port, Pace(asked.first_ms, asked.pause_ms, asked.words)) as server:
        sys.stdout.write(f"ready {server.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
