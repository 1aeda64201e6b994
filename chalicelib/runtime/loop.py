"""One event after the other: handed to the function, and its answer passed on as it comes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NoReturn

from chalicelib.edge.gateway import Handler, Headers, ending, streamed
from chalicelib.edge.telemetry import log_bug, logger
from chalicelib.runtime.answer import Answer, Gone
from chalicelib.runtime.api import Invocation, RuntimeApi

_TRACE: Final = "_X_AMZN_TRACE_ID"  # where X-Ray's SDKs look


def serve(api: RuntimeApi, handler: Handler) -> NoReturn:
    """Answer events for as long as Lambda has any; what one of them breaks does not reach the next."""
    while True:
        handle(api.next(), handler, api)


def handle(invocation: Invocation, handler: Handler, api: RuntimeApi) -> None:
    """Answer one event, or say that there is no answer."""
    _trace(invocation.trace_id)
    context = invocation.context
    try:
        status, headers, body = streamed(handler, json.loads(invocation.event), context)
    except Exception as fault:  # noqa: BLE001 - where AWS's own runtime would catch it
        log_bug(fault, {"request_id": context.aws_request_id})
        api.fail(context, fault)
        return
    pieces = iter((body,)) if isinstance(body, bytes) else body
    _answer(api.answer(context), status, headers, pieces, context.aws_request_id)


def _answer(answer: Answer, status: int, headers: Headers, pieces: Iterator[bytes], request_id: str) -> None:
    """Send the pieces as they come; who does not hear them to the end has the turn cut, which is settled here."""
    bug = None
    try:
        with ending(pieces):
            answer.begin(status, headers)
            for piece in pieces:
                answer.send(piece)
    except Gone:
        logger().info("left", extra={"request_id": request_id})
        return
    except Exception as fault:  # noqa: BLE001 - a bug, which the head of the answer cannot tell any more
        log_bug(fault, {"request_id": request_id})
        bug = fault
    with suppress(Gone):
        answer.end(bug)


def _trace(trace_id: str | None) -> None:
    if trace_id is None:
        os.environ.pop(_TRACE, None)
    else:
        os.environ[_TRACE] = trace_id
