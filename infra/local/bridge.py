"""API Gateway and Lambda for one process: HTTP in, the app's own events and answers in between, HTTP out.

WebSockets are in `sockets`.

A bare ASGI app: a framework here would add its cost to every request that a benchmark measures.
"""

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Final, Protocol

from chalicelib.edge.gateway import Headers
from chalicelib.edge.problems import SECURITY_HEADERS
from infra.local.events import Context, Destination, Event, Refusal, chance_id, make_event
from infra.local.room import Machine, Room
from infra.local.routes import Routes
from infra.local.sockets import POSTS, Sockets
from infra.local.streams import Body, Stream

BODY_LIMIT_BYTES: Final = 10 * 1024 * 1024  # API Gateway's
_TIMEOUT_S: Final = 300.0
_THREADS: Final = 128  # one for each open stream; a thread that waits costs next to nothing
_ALWAYS: Final = 8 * (os.cpu_count() or 1)  # at work at once, however busy the machine is
_WAITING: Final = 160  # requests without a worker yet: a second of them; who would wait longer is sent away
_FULL: Final = Refusal(
    HTTPStatus.TOO_MANY_REQUESTS, "More requests are running than this machine bears.", "rate_limit_exceeded"
)
_NONE: Final[Headers] = {}

_KINDS: Final = {HTTPStatus.INTERNAL_SERVER_ERROR: "server_error", HTTPStatus.TOO_MANY_REQUESTS: "rate_limit_error"}

Message = MutableMapping[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)


class Gateway(Protocol):
    """The Chalice app, as the function that streams calls it; safe to be called by many threads."""

    routes: Mapping[str, Mapping[str, Any]]
    api: Any
    websocket_handlers: Mapping[str, Any]
    handler_map: Mapping[str, Any]

    def stream(self, event: Event, context: Any) -> tuple[int, Headers, Body]:
        """Status, headers and a body, or an iterator of its pieces whose `close` ends the turn."""
        ...


class Bridge:
    """The ASGI app over `app`; one worker of `threads` has a request from first line to last piece.

    While the machine has no time, fewer are at work. Beyond `waiting` requests that have no worker yet, others are
    refused, as Lambda does beyond its concurrency: a line that grows is a line of callers who have given up.
    """

    def __init__(self, app: Gateway, *, threads: int = _THREADS, waiting: int = _WAITING) -> None:
        self._app = app
        self._routes = Routes(app.routes)
        self._binary_types = frozenset(app.api.binary_types)
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="lambda")
        self._room = Room(threads, min(threads, _ALWAYS), waiting, Machine().has_time)
        self._streams: set[Stream] = set()
        self._sockets = Sockets(app, self._workers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._sockets.serve(scope, receive, send)
        elif scope["path"].startswith(POSTS):
            await self._sockets.manage(scope, receive, send)
        else:
            await self._route(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._routes.find(scope["raw_path"].decode("latin-1"))
        if found is None:
            message = f"Unknown request URL: {scope['method']} {scope['path']}."
            await _refuse(send, Refusal(HTTPStatus.NOT_FOUND, message, "not_found"))
        elif scope["method"] not in found[0].methods:
            message = f"{scope['path']} does not answer {scope['method']}."
            methods = ", ".join(sorted(found[0].methods))
            await _refuse(
                send, Refusal(HTTPStatus.METHOD_NOT_ALLOWED, message, "method_not_allowed"), {"allow": methods}
            )
        else:
            await self._answer(scope, Destination(found[0].template, found[1]), receive, send)

    async def _answer(self, scope: Scope, destination: Destination, receive: Receive, send: Send) -> None:
        try:
            body = await _read(scope, receive)
        except _Left:
            return
        if body is None:
            message = f"The request body is larger than {BODY_LIMIT_BYTES} bytes."
            large = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, message, "payload_too_large")
            await _refuse(send, large, {"connection": "close"})  # the rest of the body is not read
            return
        stream = Stream(asyncio.get_running_loop())
        start = partial(self._begin, stream, partial(make_event, scope, destination, body, self._binary_types))
        if not self._room.admit(start):
            await _refuse(send, _FULL, {"retry-after": "1"})
            return
        self._streams.add(stream)
        try:
            await _relay(stream, receive, send)
        finally:
            stream.cut()
            self._room.withdraw(start)
            self._streams.discard(stream)

    def _begin(self, stream: Stream, make: Callable[[], Event]) -> None:
        with suppress(RuntimeError):  # the system has no thread more: one of those that are there does it
            self._workers.submit(self._work, stream, make)

    def _work(self, stream: Stream, make: Callable[[], Event]) -> None:
        try:
            answer = self._app.stream(make(), Context(_TIMEOUT_S))
        except Exception as fault:  # noqa: BLE001 - what Lambda does with an exception; it is logged there
            stream.fail(fault)
        else:
            stream.produce(*answer)
        finally:
            stream.tell(self._room.leave)

    def cut_streams(self) -> None:
        """Close every open stream, as if its reader had gone; each is settled when its request ends."""
        for stream in self._streams:
            stream.cut()


async def _relay(stream: Stream, receive: Receive, send: Send) -> None:
    watch = asyncio.create_task(_cut_when_left(stream, receive))
    try:
        await _tell(stream, send)
    finally:
        watch.cancel()


async def _tell(stream: Stream, send: Send) -> None:
    try:
        begun = await stream.begin()
    except Exception:  # noqa: BLE001 - logged, and answered as Lambda would
        _log.exception("the app failed")
        fault = "The server had an error while processing your request."
        await _refuse(send, Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, fault, "internal_error"))
        return
    if begun is None:
        return
    status, headers, body = begun
    if body is not None:
        await _send_whole(send, status, _encode(headers), body)
        return
    await send({"type": "http.response.start", "status": status, "headers": _encode(headers)})
    await _pass_on(stream, send)


async def _pass_on(stream: Stream, send: Send) -> None:
    while (piece := await stream.next()) is not None:
        if not stream.is_cut:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    if not stream.is_cut:  # a cut answer has no proper end: its reader must see that it is not whole
        await send({"type": "http.response.body", "body": b""})


async def _cut_when_left(stream: Stream, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.leave()


class _Left(Exception):
    """The caller went away before its request was whole."""


async def _read(scope: Scope, receive: Receive) -> bytes | None:
    """Return the whole body, or None as soon as it is known to be too large."""
    if _declared_length(scope) > BODY_LIMIT_BYTES:
        return None
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and message["type"] == "http.request":
        return body if len(body) <= BODY_LIMIT_BYTES else None
    pieces, size = [body], len(body)
    while size <= BODY_LIMIT_BYTES and message.get("more_body"):
        message = await receive()
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
    if message["type"] != "http.request":
        raise _Left
    return b"".join(pieces) if size <= BODY_LIMIT_BYTES else None


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value)
    return 0


async def _refuse(send: Send, refusal: Refusal, more: Headers = _NONE) -> None:
    kind = _KINDS.get(refusal.status, "invalid_request_error")
    error = {"message": refusal.message, "type": kind, "param": None, "code": refusal.code}
    headers = {**SECURITY_HEADERS, "content-type": "application/json", "x-request-id": str(chance_id()), **more}
    await _send_whole(send, refusal.status, _encode(headers), json.dumps({"error": error}).encode())


async def _send_whole(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    if not any(name == b"content-length" for name, _ in headers):
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _encode(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
