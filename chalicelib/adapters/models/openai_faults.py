"""What each failure of an OpenAI-compatible server means: by status, by error event, by broken connection."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

import msgspec
from urllib3.exceptions import ConnectTimeoutError, DecodeError, HTTPError, ReadTimeoutError, SSLError

from chalicelib.adapters.models.sse import TooLong
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

_MESSAGE_LENGTH: Final = 400
_LONGEST_WAIT_SECONDS: Final = 86_400
_HTTP: Final = range(400, 600)

_Meaning = tuple[type[ModelError], str]
_REJECTED: Final[_Meaning] = (ModelRejected, "")
_KEY: Final[_Meaning] = (ModelUnavailable, "The upstream refused the gateway's key.")
_SLOW: Final[_Meaning] = (ModelTimeout, "The upstream waited too long.")
_MISSING: Final[_Meaning] = (ModelUnavailable, "The upstream does not have this model, or not under this address.")
_BUSY: Final[_Meaning] = (ModelThrottled, "The upstream asks to be left alone.")
_LOADING: Final[_Meaning] = (ModelNotReady, "The upstream is loading the model.")
_STATUSES: Final[dict[int, _Meaning]] = {
    400: _REJECTED,
    401: _KEY,
    402: (ModelUnavailable, "The gateway's account at the upstream has no credit."),
    403: _KEY,
    404: _MISSING,
    408: _SLOW,
    413: _REJECTED,
    422: _REJECTED,
    429: (ModelThrottled, "The upstream is over its quota."),
    498: _BUSY,  # Groq, where its cheaper tier is full
    499: _SLOW,  # something between here and there gave up
    504: _SLOW,
    524: _SLOW,  # Cloudflare
    529: _BUSY,  # Anthropic and those before it
}
_WORDS: Final[dict[str, _Meaning]] = {
    "model_not_found": _MISSING,
    "invalid_model": _MISSING,
    "rate_limit": _BUSY,
    "insufficient_quota": _BUSY,
    "overloaded": _BUSY,
    "capacity_exceeded": _BUSY,
    "timeout": _SLOW,
    "invalid_request": _REJECTED,
    "badrequest": _REJECTED,
    "content_filter": _REJECTED,
}
_NO_SUCH_MODEL: Final = ("model not exist", "not a valid model", "invalid model")  # DeepSeek, OpenRouter, Mistral
_FAULTS: Final[dict[type[HTTPError], _Meaning]] = {
    ConnectTimeoutError: (ModelUnavailable, "The upstream cannot be reached."),
    ReadTimeoutError: (ModelTimeout, "The upstream was silent for too long."),
    DecodeError: (ModelGarbled, "The upstream's compression is broken."),
    SSLError: (ModelUnavailable, "The upstream's certificate is not trusted, or its TLS is broken."),
    HTTPError: (ModelUnavailable, "The connection to the upstream broke."),
}


def refused(status: int, body: bytes, wait: int | None) -> ModelError:
    """What an answer means that is not 200; only a rejection repeats what the server said."""
    kind, message = _STATUSES.get(status, (ModelUnavailable, f"The upstream answered {status}."))
    if kind is ModelRejected and _blames_the_operator(body):
        kind, message = _MISSING
    elif status == HTTPStatus.SERVICE_UNAVAILABLE and b"loading" in body.lower():
        kind, message = _LOADING  # llama.cpp, Text Generation Inference
    elif status == HTTPStatus.SERVICE_UNAVAILABLE and wait is not None:
        kind, message = _BUSY
    return kind(message or message_in(body), retry_after_seconds=wait)


def wait_in(headers: Mapping[str, str], now: float) -> int | None:
    """How long the server asks to be left alone, in seconds; in milliseconds where it says so, as OpenAI does."""
    exact = headers.get("retry-after-ms", "")
    if exact.isdecimal():
        return retry_after_seconds(str(int(exact) / 1000), now)
    return retry_after_seconds(headers.get("retry-after"), now)


def retry_after_seconds(value: str | None, now: float) -> int | None:
    """What `Retry-After` asks for, as seconds or as a date, at most a day; None where it asks for nothing sensible."""
    try:
        seconds = float(value or "nan")
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value or "").timestamp() - now
        except ValueError:
            return None
    return min(max(math.ceil(seconds), 0), _LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else None


def message_in(body: bytes) -> str:
    """What a refusal's body says, on one line and of bounded length."""
    try:
        found: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = body.decode(errors="replace")
    for name in ("error", "message", "detail"):
        found = found.get(name, found) if isinstance(found, dict) else found
    text = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    if text.lstrip().startswith("<"):
        text = ""  # a page of whatever stands before the server
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:_MESSAGE_LENGTH] or "The upstream calls the request invalid."


def fault_in_stream(error: Any) -> ModelError:
    """What an error means that comes with 200: by its status where it has one, else by the server's word for it."""
    words = error if isinstance(error, dict) else {}
    kind, _ = _by_status(words.get("code")) or _by_word(words) or (ModelUnavailable, "")
    said = msgspec.json.encode(error)
    if kind is ModelRejected and not _blames_the_operator(said):
        return kind(message_in(said))
    return (ModelUnavailable if kind is ModelRejected else kind)("The upstream broke off with an error.")


def _by_status(code: Any) -> _Meaning | None:
    if isinstance(code, str) and code.isdecimal():
        code = int(code)
    return _STATUSES.get(code, (ModelUnavailable, "")) if isinstance(code, int) and code in _HTTP else None


def _by_word(words: dict[Any, Any]) -> _Meaning | None:
    named = f"{words.get('type')} {words.get('code')}".lower()
    return next((meaning for word, meaning in _WORDS.items() if word in named), None)


def _blames_the_operator(body: bytes) -> bool:
    """The caller chose neither the server nor its name for the model."""
    said = body[:_MESSAGE_LENGTH].lower().decode(errors="replace")
    return "model_not_found" in said or "invalid_model" in said or any(words in said for words in _NO_SUCH_MODEL)


@contextmanager
def translated() -> Iterator[None]:
    """Turns a fault of the connection into ours."""
    try:
        yield
    except TooLong as fault:
        raise ModelGarbled("The upstream sent an event that does not end.") from fault
    except HTTPError as fault:
        kind, message = next(row for known, row in _FAULTS.items() if isinstance(fault, known))
        raise kind(message) from fault
