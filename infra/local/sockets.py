"""API Gateway's WebSocket API for one process: connections in, the app's own events, and posts to connections.

Its limits are AWS's: 32 KB a frame, 128 KB a message, and a client that does not read what it is sent is a post that
is refused, never memory that grows.
"""

import asyncio
import json
import logging
import secrets
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from infra.local.events import API, STAGE, Context, Event

PATH: Final = "/ws"
POSTS: Final = "/@connections/"
FRAME_LIMIT_BYTES: Final = 32 * 1024
MESSAGE_LIMIT_BYTES: Final = 128 * 1024
_TIMEOUT_S: Final = 29.0
_UNREAD: Final = 16  # posts that a client may leave unread; then they are refused
_PATIENCE_S: Final = 1.0  # for a client that reads slowly
_NAME_BYTES: Final = 12

Message = MutableMapping[str, Any]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_log = logging.getLogger(__name__)


class Protocol(WebSocketsSansIOProtocol):
    """Uvicorn's, with API Gateway's limits: what is larger ends the connection with 1009."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.conn.max_message_size = MESSAGE_LIMIT_BYTES
        self.conn.max_fragment_size = FRAME_LIMIT_BYTES


class Connection:
    """One client, and how much of what it was sent it has not read."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = secrets.token_urlsafe(_NAME_BYTES) + "="
        self._scope = scope
        self._send = send
        self._opened_at = time.time()
        self._unread = 0

    async def post(self, text: str) -> HTTPStatus:
        """Send one text frame: 200, 410 where the client is gone, 429 where it does not read."""
        if self._unread >= _UNREAD:
            return HTTPStatus.TOO_MANY_REQUESTS
        self._unread += 1
        try:
            await asyncio.wait_for(self._send({"type": "websocket.send", "text": text}), _PATIENCE_S)
        except TimeoutError:
            return HTTPStatus.TOO_MANY_REQUESTS
        except (OSError, RuntimeError):  # uvicorn's words for a client that went, or is being sent away
            return HTTPStatus.GONE
        finally:
            self._unread -= 1
        return HTTPStatus.OK

    async def close(self, code: int = 1000) -> None:
        """Send the client away."""
        with suppress(OSError, RuntimeError):
            await self._send({"type": "websocket.close", "code": code})

    def event(self, kind: str, route: str, **further: Any) -> Event:
        """What API Gateway tells the app."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self._scope["headers"]}
        source = (self._scope.get("client") or ("127.0.0.1",))[0]
        context = {
            "routeKey": route,
            "eventType": kind,
            "messageDirection": "IN",
            "stage": STAGE,
            "apiId": API,
            "domainName": headers.get("host", "localhost"),
            "connectionId": self.id,
            "connectedAt": int(self._opened_at * 1000),
            "requestTimeEpoch": int(time.time() * 1000),
            "requestId": str(uuid.uuid4()),
            "identity": {"sourceIp": source, "userAgent": headers.get("user-agent", "")},
        }
        many = {"headers": headers, "multiValueHeaders": {name: [value] for name, value in headers.items()}}
        shown = {} if kind == "MESSAGE" else many
        return {**shown, "requestContext": context, "isBase64Encoded": False, **further}


class Sockets:
    """The WebSocket API over `app`; `workers` call its functions, for each connection one after another."""

    def __init__(self, app: Any, workers: Executor) -> None:
        self._functions = {route: app.handler_map[handler.name] for route, handler in app.websocket_handlers.items()}
        self._workers = workers
        self._open: dict[str, Connection] = {}

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection from its handshake to its end."""
        connection = Connection(scope, send)
        await receive()
        if scope["path"] != PATH:
            await _refuse(send, HTTPStatus.NOT_FOUND)
            return
        answer = await self._call("$connect", connection.event("CONNECT", "$connect"))
        status = HTTPStatus((answer or {}).get("statusCode", HTTPStatus.INTERNAL_SERVER_ERROR))
        if status != HTTPStatus.OK:
            await _refuse(send, status)
            return
        self._open[connection.id] = connection
        try:
            await send({"type": "websocket.accept"})
            await self._listen(connection, receive)
        finally:
            del self._open[connection.id]
            await self._call("$disconnect", connection.event("DISCONNECT", "$disconnect"))

    async def _listen(self, connection: Connection, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            event = connection.event("MESSAGE", "$default", body=text or "", isBase64Encoded=text is None)
            if await self._call("$default", event) is None:
                told = {"message": "Internal server error", "connectionId": connection.id}
                await connection.post(json.dumps(told))

    async def manage(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The management interface: `POST` sends to a connection, `GET` tells whether it is there, `DELETE` ends it."""
        signed = any(name == b"authorization" and value.startswith(b"AWS4-") for name, value in scope["headers"])
        connection = self._open.get(scope["path"].removeprefix(POSTS))
        if not signed:  # so that no web page can post
            status = HTTPStatus.FORBIDDEN
        elif connection is None:
            status = HTTPStatus.GONE
        else:
            status = await _managed(connection, scope["method"], receive)
        body = b"{}" if status == HTTPStatus.OK else json.dumps({"message": status.phrase}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _call(self, route: str, event: Event) -> dict[str, Any] | None:
        """What a function answers, or None where it failed."""
        loop = asyncio.get_running_loop()
        try:
            answer: dict[str, Any] = await loop.run_in_executor(
                self._workers, self._functions[route], event, Context(_TIMEOUT_S)
            )
        except Exception:  # noqa: BLE001 - what Lambda does with an exception; it is logged there
            _log.exception("the function of '%s' failed", route)
            return None
        return answer


async def _managed(connection: Connection, method: str, receive: Receive) -> HTTPStatus:
    if method == "DELETE":
        await connection.close()
        return HTTPStatus.OK
    if method != "POST":
        return HTTPStatus.OK
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MESSAGE_LIMIT_BYTES:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        if not message.get("more_body"):
            return await connection.post(body.decode())


async def _refuse(send: Send, status: HTTPStatus) -> None:
    await send({"type": "websocket.http.response.start", "status": status, "headers": []})
    await send({"type": "websocket.http.response.body", "body": b""})
