"""Errors as OpenAI's clients know them: one table from our tree to status, type and code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial, wraps
from http import HTTPStatus
from typing import Final

import msgspec
from chalice.app import Response

from chalicelib.domain.errors import (
    AnswerWithheld,
    BadRequest,
    Conflict,
    ContextTooLong,
    Forbidden,
    IndexUnavailable,
    JobExpired,
    JobFailed,
    KeyReused,
    LimitExceeded,
    Misconfigured,
    ModelError,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    NoCapacity,
    NotFound,
    PayloadTooLarge,
    QueueUnavailable,
    StillRunning,
    StoreBusy,
    StoreUnavailable,
    TidegateError,
    Unauthorized,
    UnknownModel,
    UnsupportedMedia,
)
from chalicelib.domain.identity import KeyEnded, PepperGone
from chalicelib.domain.regions import HomeAway, HomeElsewhere
from chalicelib.domain.strangers import TooManyFailures
from chalicelib.edge.call import Call, begin
from chalicelib.edge.headers import limit_headers
from chalicelib.edge.telemetry import log_bug, logger

RETRY_SECONDS: Final = 2  # for a fault that names no time of its own
MOST_NAME: Final = 200  # characters of an id in a path: a longer one names nothing, and no database key holds it


class Problem(msgspec.Struct, frozen=True):
    """How one kind of fault is told: HTTP status, OpenAI's `type`, and the `code` unless the fault has its own."""

    status: int
    type: str
    code: str
    retry: bool = False


STATUS: Final[dict[type[TidegateError], Problem]] = {
    ContextTooLong: Problem(400, "invalid_request_error", "context_length_exceeded"),
    UnknownModel: Problem(404, "invalid_request_error", "model_not_found"),
    UnsupportedMedia: Problem(415, "invalid_request_error", "unsupported_media_type"),
    PayloadTooLarge: Problem(413, "invalid_request_error", "payload_too_large"),
    KeyReused: Problem(422, "invalid_request_error", "idempotency_key_reused"),
    BadRequest: Problem(400, "invalid_request_error", "invalid_value"),
    **dict.fromkeys((KeyEnded, PepperGone, Unauthorized), Problem(401, "authentication_error", "invalid_api_key")),
    Forbidden: Problem(403, "permission_error", "insufficient_permissions"),
    NotFound: Problem(404, "invalid_request_error", "not_found"),
    StillRunning: Problem(409, "conflict_error", "idempotency_in_progress", retry=True),
    AnswerWithheld: Problem(409, "conflict_error", "idempotency_answer_withheld"),
    Conflict: Problem(409, "conflict_error", "conflict"),
    LimitExceeded: Problem(429, "rate_limit_error", "rate_limit_exceeded", retry=True),
    TooManyFailures: Problem(429, "rate_limit_error", "too_many_failed_attempts", retry=True),
    ModelRejected: Problem(400, "invalid_request_error", "model_rejected"),
    ModelThrottled: Problem(503, "server_error", "model_throttled", retry=True),
    ModelUnavailable: Problem(503, "server_error", "model_unavailable", retry=True),
    ModelNotReady: Problem(503, "server_error", "model_not_ready", retry=True),
    ModelTimeout: Problem(504, "server_error", "model_timeout"),
    ModelGarbled: Problem(502, "server_error", "model_garbled"),
    ModelError: Problem(502, "server_error", "model_error"),
    NoCapacity: Problem(503, "server_error", "model_overloaded", retry=True),
    JobExpired: Problem(504, "server_error", "job_expired"),
    JobFailed: Problem(502, "server_error", "job_failed"),
    HomeElsewhere: Problem(421, "invalid_request_error", "home_elsewhere"),
    HomeAway: Problem(503, "server_error", "home_away", retry=True),
    StoreUnavailable: Problem(503, "server_error", "store_unavailable", retry=True),
    StoreBusy: Problem(503, "server_error", "store_busy", retry=True),
    IndexUnavailable: Problem(503, "server_error", "index_unavailable", retry=True),
    QueueUnavailable: Problem(503, "server_error", "queue_unavailable", retry=True),
    Misconfigured: Problem(500, "server_error", "misconfigured"),
}
NEVER: Final = {"x-should-retry": "false"}
"""For a call that is refused each time it is sent: OpenAI's clients would send it again after any other 409 or 429."""

SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Strict-Transport-Security": "max-age=63072000",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Of every answer, unless it has a word of its own there."""


class ErrorDetail(msgspec.Struct, frozen=True):
    """The inside of OpenAI's error body."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorBody(msgspec.Struct, frozen=True):
    """OpenAI's error body."""

    error: ErrorDetail


INTERNAL: Final = ErrorDetail("Internal error.", "server_error", None, "internal_error")


def answered(view: Callable[..., Response]) -> Callable[..., Response]:
    """Hand `view` the call, and turn every fault into an answer: Chalice would make each a bare 500."""

    @wraps(view)
    def handed(**path: str) -> Response:
        call = begin()
        return guarded(call, partial(view, call, **{name: text[:MOST_NAME] for name, text in path.items()}))

    return handed


def guarded(call: Call, answer: Callable[[], Response]) -> Response:
    """What `answer` says of the call; where that is a fault, the fault as an answer."""
    try:
        return answer()
    except TidegateError as fault:
        return problem_response(fault, call.origin)
    except Exception as fault:  # noqa: BLE001 - the last place where a bug can become an error body
        log_bug(fault, call.origin)
        return _response(500, ErrorBody(INTERNAL), {})


def problem_of(fault: TidegateError) -> Problem:
    """The table's row for a fault: its own, or that of the nearest class above it; a job's is that of what ended it."""
    if isinstance(fault, JobFailed):
        return next((row for kind, row in STATUS.items() if kind.__name__ == fault.kind), STATUS[JobFailed])
    return next(STATUS[kind] for kind in type(fault).__mro__ if kind in STATUS)


def detail_of(fault: TidegateError) -> ErrorDetail:
    """What the caller is told about a fault."""
    problem = problem_of(fault)
    message = "The gateway is misconfigured." if problem is STATUS[Misconfigured] else fault.message
    if isinstance(fault, BadRequest):
        return ErrorDetail(message, problem.type, fault.param, fault.code)
    if isinstance(fault, ModelError) and fault.target:
        message = f"{message} Target: {fault.target}"
    if isinstance(fault, JobFailed):
        return ErrorDetail(message, problem.type, fault.param, fault.code or problem.code)
    param = fault.param if isinstance(fault, NotFound) else None
    return ErrorDetail(message, problem.type, param, problem.code)


def error_body(fault: TidegateError) -> ErrorBody:
    """The error as a value to be sent."""
    return ErrorBody(detail_of(fault))


def problem_response(fault: TidegateError, origin: dict[str, str]) -> Response:
    """The HTTP answer for a fault, and a log line that says to which call."""
    problem = problem_of(fault)
    log = logger().error if problem.type == "server_error" else logger().info
    log("refused", status=problem.status, error=type(fault).__name__, reason=_loggable(fault), extra=origin)
    return refusal(fault)


def refusal(fault: TidegateError) -> Response:
    """The HTTP answer for a fault."""
    problem = problem_of(fault)
    return _response(problem.status, error_body(fault), _headers(problem, fault))


def unsupported(allowed: str) -> Response:
    """The HTTP answer for a method that a path does not have."""
    words = f"This path answers {allowed}."
    detail = ErrorDetail(words, "invalid_request_error", None, "method_not_allowed")
    return _response(HTTPStatus.METHOD_NOT_ALLOWED, ErrorBody(detail), {"Allow": allowed})


def _loggable(fault: TidegateError) -> str:
    """The message, unless it may quote the caller's words."""
    return "" if isinstance(fault, (BadRequest, NotFound)) else fault.message


def _headers(problem: Problem, fault: TidegateError) -> dict[str, str]:
    told = {}
    if isinstance(fault, ModelError) and fault.target:
        told = {"x-tidegate-target": fault.target, "x-tidegate-attempts": str(fault.attempts)}
    return {**told, **_limits(problem, fault)}


def _limits(problem: Problem, fault: TidegateError) -> dict[str, str]:
    if not problem.retry:
        return NEVER if isinstance(fault, AnswerWithheld) else {}
    headers = limit_headers(fault.standing) if isinstance(fault, LimitExceeded) and fault.standing else {}
    if isinstance(fault, LimitExceeded) and fault.retry_after_seconds is None:
        return {**headers, **NEVER}
    wait = getattr(fault, "retry_after_seconds", None) or RETRY_SECONDS
    return {**headers, "Retry-After": str(wait)}


def _response(status: int, body: ErrorBody, headers: dict[str, str]) -> Response:
    encoded = msgspec.json.encode(body).decode()
    return Response(encoded, {"Content-Type": "application/json", **headers}, status)
