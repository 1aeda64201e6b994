"""A model that answers at once, and counts whom it answered: `python -m benchmarks.peers.upstream`.

It speaks as much of Chat Completions as a gateway needs: one answer, whole or in 50 pieces. It says its port in its
first line; `GET /count` tells how many completions it has given.
"""

import asyncio
import json
from typing import Any, Final

HOST: Final = "127.0.0.1"
CHUNKS: Final = 50
PIECE: Final = " tide"
_USAGE: Final = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": 12 + CHUNKS}
_COMMON: Final = {"id": "chatcmpl-bench", "created": 1_790_000_000, "model": "bench"}
_END: Final = b"\r\n\r\n"
_STREAM_HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def _chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {**_COMMON, "object": "chat.completion.chunk", "choices": choices}


def _event(data: str) -> bytes:
    line = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(line), line)


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


_MESSAGE: Final = {"role": "assistant", "content": PIECE * CHUNKS}
_ANSWER: Final = _whole(
    json.dumps(
        {
            **_COMMON,
            "object": "chat.completion",
            "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
            "usage": _USAGE,
        }
    ).encode()
)
_EVENTS: Final = (
    _event(json.dumps(_chunk({"role": "assistant", "content": ""}))),
    *[_event(json.dumps(_chunk({"content": PIECE})))] * CHUNKS,
    _event(json.dumps(_chunk({}, "stop"))),
    _event(json.dumps({**_COMMON, "object": "chat.completion.chunk", "choices": [], "usage": _USAGE})),
    _event("[DONE]"),
    b"0\r\n\r\n",
)


class Model(asyncio.Protocol):
    """One connection of a gateway; requests follow each other on it."""

    answered = 0

    def __init__(self) -> None:
        self._got = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while request := self._next():
            self._answer(request)

    def _next(self) -> bytes:
        """The next whole request, taken off what came; empty while it is not there."""
        head, end, rest = self._got.partition(_END)
        if not end:
            return b""
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
        if len(rest) < length:
            return b""
        self._got = rest[length:]
        return head + end + rest[:length]

    def _answer(self, request: bytes) -> None:
        if request.startswith(b"GET"):
            self._transport.write(_whole(b"%d" % Model.answered))
            return
        Model.answered += 1
        if json.loads(request.partition(_END)[2]).get("stream"):
            self._transport.write(_STREAM_HEAD)
            for event in _EVENTS:
                self._transport.write(event)
        else:
            self._transport.write(_ANSWER)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Model, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
