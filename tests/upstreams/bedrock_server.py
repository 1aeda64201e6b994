"""A real HTTP server on 127.0.0.1 in Bedrock's place: Converse, ConverseStream and Titan, with faults to order.

With `ministack` it hands every request that has no reply of its own to ministack's Bedrock.
"""

import asyncio
import hashlib
import json
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote

Event = tuple[str, dict[str, Any]]

_MOMENT = 0.01


@dataclass(frozen=True)
class Reply:
    """How one request is answered; by default well, from what was asked.

    `error` is a code such as `ThrottlingException`, sent with `status`, or as an event after `error_after` others.
    `body` is sent as it is; in a stream, where `raw` stands for all its events, bytes come in pieces of `piece`. With
    `endless` the last piece comes again and again; with `short` a whole answer is dropped in its middle.
    """

    status: int = 200
    error: str | None = None
    message: str = "as ordered"
    retry_after: str | None = None
    error_after: int | None = None
    body: bytes | None = None
    events: tuple[Event, ...] | None = None
    cut_after: int | None = None
    hang_after: int | None = None
    raw: bytes | None = None
    piece: int = 0
    endless: bool = False
    short: bool = False


class BedrockServer:
    """Serves until the block ends; `hung_up` is released whenever a client leaves in the middle of an answer."""

    def __init__(self, *, ministack: bool = False) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.paths: list[str] = []  # as they came, percent-encoded
        self.connections = 0
        self.hung_up = threading.Semaphore(0)
        self.ministack = ministack
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
    owner: BedrockServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.owner.connections += 1

    def log_message(self, *_: object) -> None:
        """A test's output is its result."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.owner.requests.append((unquote(self.path), json.loads(body)))
        self.owner.paths.append(self.path)
        try:
            if self.owner.replies or not self.owner.ministack:
                reply = self.owner.replies.popleft() if self.owner.replies else Reply()
                self._answer(json.loads(body), reply)
            else:
                self._send(*_from_ministack(self.path, dict(self.headers), body))
        except OSError:
            self.close_connection = True
            self.owner.hung_up.release()

    def _answer(self, body: dict[str, Any], reply: Reply) -> None:
        if reply.hang_after == 0:
            self._hang()
        elif reply.cut_after == 0:
            self.close_connection = True
        elif reply.error and reply.error_after is None:
            waiting = {"retry-after": reply.retry_after} if reply.retry_after else {}
            headers = {"x-amzn-errortype": reply.error, "content-type": "application/json", **waiting}
            self._send(reply.status, headers, json.dumps({"message": reply.message}).encode())
        elif reply.body is not None:
            self._send(reply.status, {"content-type": "application/json"}, reply.body, reply)
        elif self.path.endswith("/converse-stream"):
            self._stream(reply, body)
        else:
            answer = titan(body) if self.path.endswith("/invoke") else converse(body)
            self._send(200, {"content-type": "application/json"}, json.dumps(answer).encode(), reply)

    def _send(self, status: int, headers: dict[str, str], data: bytes, reply: Reply = Reply()) -> None:
        self.send_response(status)
        length = 10**12 if reply.endless else len(data) + reply.short
        for name, value in {**headers, "content-length": str(length)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)
        while reply.endless:
            self._pause()
            self.wfile.write(b" ")
        self.close_connection = self.close_connection or reply.short

    def _pause(self) -> None:
        """A moment, or until the client leaves."""
        self.connection.settimeout(_MOMENT)
        try:
            if not self.connection.recv(1):
                raise BrokenPipeError
        except TimeoutError:
            self.connection.settimeout(None)

    def _stream(self, reply: Reply, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/vnd.amazon.eventstream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        events = reply.events or tuple(converse_stream(body))
        for count, (name, payload) in enumerate(() if reply.raw is not None else events):
            if count == reply.error_after and reply.error:
                message = json.dumps({"message": reply.message}).encode()
                return self._last(encoded("exception", reply.error, message))
            if count == reply.hang_after:
                return self._hang()
            if count == reply.cut_after:
                self.close_connection = True
                return None
            self._pieces(encoded("event", name, json.dumps(payload, ensure_ascii=False).encode()), reply.piece)
        while reply.endless:
            self._pause()
            self._chunk(encoded("event", events[-1][0], json.dumps(events[-1][1]).encode()))
        return self._last(reply.raw or b"", reply.piece)

    def _last(self, data: bytes, piece: int = 0) -> None:
        self._pieces(data, piece)
        self.wfile.write(b"0\r\n\r\n")

    def _pieces(self, data: bytes, size: int) -> None:
        for start in range(0, len(data), size or len(data) or 1):
            self._chunk(data[start : start + (size or len(data))])

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _hang(self) -> None:
        self.close_connection = True
        self.connection.recv(1)  # nothing comes until the client leaves
        self.owner.hung_up.release()


def converse(body: dict[str, Any]) -> dict[str, Any]:
    """A whole answer: an echo within the cap, or the call of the first tool where one is required."""
    blocks, reason, spent = _said(body)
    return {
        "output": {"message": {"role": "assistant", "content": blocks}},
        "stopReason": reason,
        "usage": _usage(body, spent),
        "metrics": {"latencyMs": 1},
    }


def converse_stream(body: dict[str, Any]) -> Iterator[Event]:
    """The same answer as events; text comes word by word, a call's arguments in two pieces."""
    blocks, reason, spent = _said(body)
    yield "messageStart", {"role": "assistant"}
    for index, block in enumerate(blocks):
        if "toolUse" in block:
            call = block["toolUse"]
            start = {"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}}
            yield "contentBlockStart", {"contentBlockIndex": index, "start": start}
            arguments = json.dumps(call["input"])
            pieces = [{"toolUse": {"input": part}} for part in (arguments[:5], arguments[5:])]
        else:
            pieces = [{"text": word} for word in _words(block["text"])]
        for piece in pieces:
            yield "contentBlockDelta", {"contentBlockIndex": index, "delta": piece}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "messageStop", {"stopReason": reason}
    yield "metadata", {"usage": _usage(body, spent), "metrics": {"latencyMs": 1}}


def titan(body: dict[str, Any]) -> dict[str, Any]:
    """A vector made from the text's hash."""
    digest = hashlib.shake_128(body["inputText"].encode()).digest(body.get("dimensions", 1024))
    return {"embedding": [byte / 255 for byte in digest], "inputTextTokenCount": len(body["inputText"].split())}


def encoded(kind: str, name: str, payload: bytes) -> bytes:
    """One message of `application/vnd.amazon.eventstream`: lengths, checksum, headers, payload, checksum."""
    named = {":message-type": kind, f":{kind}-type": name, ":content-type": "application/json"}
    headers = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + len(value).to_bytes(2) + value.encode()
        for key, value in named.items()
    )
    prelude = (16 + len(headers) + len(payload)).to_bytes(4) + len(headers).to_bytes(4)
    message = prelude + zlib.crc32(prelude).to_bytes(4) + headers + payload
    return message + zlib.crc32(message).to_bytes(4)


def _said(body: dict[str, Any]) -> tuple[list[dict[str, Any]], str, int]:
    choice = body.get("toolConfig", {}).get("toolChoice", {})
    if choice and "auto" not in choice:
        name = body["toolConfig"]["tools"][0]["toolSpec"]["name"]
        call = {"toolUseId": "call_1", "name": name, "input": {"city": "Łódź"}}
        return [{"text": "Let me look."}, {"toolUse": call}], "tool_use", 3
    newest = body["messages"][-1]["content"][-1]
    text = newest.get("text") or newest.get("toolResult", {}).get("content", [{}])[0].get("text", "")
    said, cap = _words(f"Echo: {text}"), body["inferenceConfig"]["maxTokens"]
    reason = "max_tokens" if len(said) > cap else "end_turn"
    return [{"text": "".join(said[:cap])}], reason, min(len(said), cap)


def _words(text: str) -> list[str]:
    return [word for word in text.replace(" ", " \0").split("\0") if word]


def _usage(body: dict[str, Any], spent: int) -> dict[str, int]:
    asked = sum(len(str(block).split()) for turn in body["messages"] for block in turn["content"])
    return {"inputTokens": asked, "outputTokens": spent, "totalTokens": asked + spent, "cacheReadInputTokens": 2}


def _from_ministack(path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
    from ministack.services import bedrock_runtime

    status, answered, data = asyncio.run(bedrock_runtime.handle_request("POST", path, headers, body, {}))
    return status, {name.lower(): value for name, value in answered.items()}, data
