"""A model that keeps books and fails to order: `python -m benchmarks.soak.model`.

It says its port in its first line. It counts the tokens that it burns, by the request's `user`, before it answers: so
no fault hides any. `POST /order` says how it is from then on, `GET /books` what it has done.
"""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from functools import cache
from typing import Any, ClassVar, Final

import msgspec

from benchmarks.peers.upstream import HOST, Model

WORDS: Final = 20
_CHARACTERS: Final = 4  # a token of input, which is no more than its bytes
_END: Final = b"\r\n\r\n"
_STREAM: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_KEPT: Final = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_CUT: Final = WORDS // 2
_SILENCE_S: Final = 3.0


class Order(msgspec.Struct):
    """How it is: one call in `every` fails, by the `kinds` in turn; 0 is none.

    An answer has so many `pieces` at most, a token each: of `words`, all at once, or one each `piece_ms`.
    """

    latency_ms: float = 20.0
    every: int = 0
    kinds: tuple[str, ...] = ("500", "429", "garbage", "cut", "hang")
    pieces: int = WORDS
    words: int = 1
    piece_ms: float = 0.0


class Books(msgspec.Struct):
    """What it did: tokens burned by whom, and how many calls of each end."""

    burned: dict[str, int]
    ends: dict[str, int]


class Moody(Model):
    """One connection of the product."""

    order = Order()
    burned: ClassVar = Counter[str]()
    ends: ClassVar = Counter[str]()

    def _answer(self, request: bytes) -> None:
        head, _, body = request.partition(_END)
        if head.startswith(b"GET /books"):
            self._say(b"200 OK", msgspec.json.encode(Books(Moody.burned, Moody.ends)))
        elif head.startswith(b"POST /order"):
            Moody.order = msgspec.json.decode(body, type=Order)
            self._say(b"200 OK", b"{}")
        else:
            asyncio.get_running_loop().call_later(Moody.order.latency_ms / 1e3, self._complete, json.loads(body))

    def _complete(self, asked: dict[str, Any]) -> None:
        order, kind = Moody.order, _fate(Moody.order, Moody.ends.total())
        Moody.ends[kind or "answered"] += 1
        user, streamed = asked.get("user", ""), bool(asked.get("stream"))
        pieces = min(order.pieces, asked.get("max_tokens") or order.pieces)
        said = sum(len(message["content"]) for message in asked["messages"]) // _CHARACTERS + 1
        if kind not in {"500", "429"}:
            Moody.burned[user] += said + (0 if streamed else pieces)
        if kind:
            self._fail(kind, user, streamed=streamed)
        elif streamed:
            self._transport.write(_STREAM)
            self._tell(user, pieces, _usage_event(said, pieces) + b"0\r\n\r\n")
        else:
            self._say(b"200 OK", _whole(said, pieces))

    def _tell(self, user: str, left: int, end: bytes) -> None:
        """The pieces of a stream, each burned when it is sent: nothing more once the caller is gone."""
        order, loop = Moody.order, asyncio.get_running_loop()
        if self._transport.is_closing():
            return
        now = min(left, 1) if order.piece_ms else left
        Moody.burned[user] += now
        self._transport.write(_piece(order.words) * now)
        if left > now:
            loop.call_later(order.piece_ms / 1e3, self._tell, user, left - now, end)
        else:
            self._transport.write(end)

    def _fail(self, kind: str, user: str, *, streamed: bool) -> None:
        if kind == "500":
            self._say(b"500 Internal Server Error", b"{}")
        elif kind == "429":
            self._say(b"429 Too Many Requests", b"{}")
        elif kind == "garbage":
            self._say(b"200 OK", b"<html>")
        elif kind == "hang":
            asyncio.get_running_loop().call_later(_SILENCE_S, self._transport.close)
        else:
            Moody.burned[user] += _CUT if streamed else 0
            self._transport.write(_STREAM + _piece(1) * _CUT if streamed else _KEPT % (b"200 OK", 100, b"{"))
            self._transport.close()

    def _say(self, status: bytes, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_KEPT % (status, len(body), body))


def _fate(order: Order, number: int) -> str:
    """How a call fails; empty where it does not."""
    strikes = order.every and not number % order.every
    return order.kinds[number // order.every % len(order.kinds)] if strikes else ""


def _usage(said: int, words: int) -> dict[str, int]:
    return {"prompt_tokens": said, "completion_tokens": words, "total_tokens": said + words}


def _whole(said: int, words: int) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": " tide" * words}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 0, "model": "soak", "choices": [choice]}
    return json.dumps({**answer, "usage": _usage(said, words)}).encode()


def _event(content: Any) -> bytes:
    line = b"data: %s\n\n" % (content if isinstance(content, bytes) else json.dumps(content).encode())
    return b"%x\r\n%s\r\n" % (len(line), line)


def _chunk(**choice: Any) -> dict[str, Any]:
    common = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "soak"}
    return {**common, "choices": [{"index": 0, "finish_reason": None, **choice}]}


@cache
def _piece(words: int) -> bytes:
    return _event(_chunk(delta={"content": " tide" * words}))


def _usage_event(said: int, words: int) -> bytes:
    last = _chunk(delta={}, finish_reason="stop")
    return _event(last) + _event({**last, "choices": [], "usage": _usage(said, words)}) + _event(b"[DONE]")


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Moody, HOST, 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # it ends with who started it
        asyncio.run(_serve())
