"""Events of a WebSocket API: who connects, what is said, who leaves. Whatever goes wrong is told in a frame.

A broad `except` stands here as in `problems`: what is thrown at API Gateway would reach the client as its own words.
"""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import Any

from chalicelib.domain.errors import BadRequest, Forbidden, TidegateError, Unauthorized
from chalicelib.domain.identity import Credential, parse_token
from chalicelib.domain.sockets import Connection
from chalicelib.domain.strangers import TooManyFailures
from chalicelib.domain.turn import Ask
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge.call import address_of
from chalicelib.edge.chat_request import request_of
from chalicelib.edge.problems import INTERNAL, problem_of
from chalicelib.edge.sockets_wire import (
    PONG,
    READY,
    Auth,
    Cancel,
    Chat,
    Gist,
    Ping,
    Resume,
    Said,
    failed,
    gist,
    heard,
    refused,
)
from chalicelib.edge.telemetry import log_bug, logger
from chalicelib.pipeline import sockets
from chalicelib.pipeline.reception import Flooded
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.sockets import Wish

Event = dict[str, Any]
Answer = dict[str, int]


def opened(event: Event, use: Services) -> Answer:
    """Whether a connection may be made: 200, or the status that its maker is refused with."""
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    origin = headers.get("origin")
    try:
        use.reception.open(_connection_id(event), origin.lower() if origin is not None else None)
    except Forbidden:
        return {"statusCode": HTTPStatus.FORBIDDEN}
    except TidegateError as fault:
        logger().error("refused", error=type(fault).__name__, reason=fault.message, extra=_origin(event))
        return {"statusCode": problem_of(fault).status}
    return {"statusCode": HTTPStatus.OK}


def spoken(event: Event, use: Services) -> None:
    """Do what a message asks for. A connection without a good key, or with too much to say, is ended."""
    body = str(event.get("body") or "")
    told = gist(body)
    try:
        _listen(event, body, told, use)
    except Flooded as flooded:
        use.courier.insist(_connection_id(event), refused(told.id, flooded.fault))
        use.reception.end(_connection_id(event))
    except TidegateError as fault:
        _refuse(event, told, fault, use)
    except Exception as fault:  # noqa: BLE001 - the last place where a bug can become a frame
        log_bug(fault, _origin(event))
        use.courier.insist(_connection_id(event), failed(told.id, INTERNAL))


def left(event: Event, use: Services) -> None:
    """Forget a connection. What runs for it goes on for a while: its client may come back."""
    use.reception.leave(_connection_id(event))


def _listen(event: Event, body: str, told: Gist, use: Services) -> None:
    if told.key:
        use.strangers.turn_away(address_of(event["requestContext"]), told.key, use.clock())
    _answer(use.reception.heard(_connection_id(event)), _said(event, body), event, use)


def _said(event: Event, body: str) -> Said:
    if event.get("isBase64Encoded"):
        raise BadRequest("Send text frames: a binary one is not read.", code="invalid_body")
    return heard(body)


def _answer(connection: Connection, said: Said, event: Event, use: Services) -> None:
    match said:
        case Ping():
            use.courier.insist(connection.id, PONG)
        case Auth(key=key):
            sockets.auth(connection, parse_token(key), use)
            use.strangers.know(key)
            use.courier.insist(connection.id, READY)
        case _:
            _carry_out(said, *use.reception.known(connection), event, use)


def _carry_out(said: Said, connection: Connection, credential: Credential, event: Event, use: Services) -> None:
    match said:
        case Chat():
            sockets.chat(connection, said.id, _ask(said, credential, event), use)
        case Resume():
            use.gate.principal(credential, use.clock(), "chat")
            sockets.resume(connection, Wish(said.job, said.after, said.id), use)
        case Cancel():
            sockets.cancel(connection, said.id, use)


def _ask(said: Chat, credential: Credential, event: Event) -> Ask:
    now, body = time.time(), said.request
    return Ask(
        credential,
        request_of(body),
        turn_id(now, secrets.token_bytes(RANDOM_BYTES)),
        now,
        conversation=body.conversation,
        cache=body.cache,
        request_id=str(event["requestContext"].get("requestId") or ""),
    )


def _refuse(event: Event, told: Gist, fault: TidegateError, use: Services) -> None:
    connection_id = _connection_id(event)
    use.courier.insist(connection_id, refused(told.id, fault))
    if isinstance(fault, TooManyFailures):
        use.reception.hang_up(connection_id)
        return  # with no line in the log, of which a flood would make a flood
    if isinstance(fault, Unauthorized):
        use.strangers.failed(address_of(event["requestContext"]), told.key, use.clock())
        use.reception.end(connection_id)
    log = logger().error if problem_of(fault).type == "server_error" else logger().info
    log("refused", error=type(fault).__name__, extra=_origin(event))


def _connection_id(event: Event) -> str:
    """What the connection is called in every process: where it is, then which it is."""
    context = event["requestContext"]
    return f"{context['apiId']}/{context['stage']}/{context['connectionId']}"


def _origin(event: Event) -> dict[str, str]:
    context = event["requestContext"]
    return {"request_id": str(context.get("requestId")), "route": str(context.get("routeKey"))}
