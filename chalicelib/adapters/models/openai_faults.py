"""What each failure of an OpenAI-compatible server means: by status, by error event, by broken connection."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from typing import Any, Final

import msgspec
from urllib3.exceptions import ConnectTimeoutError, DecodeError, HTTPError, ReadTimeoutError

from chalicelib.adapters.models.sse import TooLong
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

_MESSAGE_LENGTH: Final = 400
_LONGEST_WAIT_SECONDS: Final = 86_400

_REJECTED: Final = (ModelRejected, "")
_STATUSES: Final[dict[int, tuple[type[ModelError], str]]] = {
    400: _REJECTED,
    401: (ModelUnavailable, "The upstream refused the gateway's key."),
    403: (ModelUnavailable, "The upstream refused the gateway's key."),
    404: _REJECTED,
    408: (ModelTimeout, "The upstream waited too long."),
    413: _REJECTED,
    422: _REJECTED,
    429: (ModelThrottled, "The upstream is over its quota."),
    504: (ModelTimeout, "The upstream waited too long."),
}
_WORDS: Final[dict[str, type[ModelError]]] = {
    "rate_limit": ModelThrottled,
    "insufficient_quota": ModelThrottled,
    "timeout": ModelTimeout,
    "invalid_request": ModelRejected,
}
_FAULTS: Final[dict[type[HTTPError], tuple[type[ModelError], str]]] = {
    ConnectTimeoutError: (ModelUnavailable, "The upstream cannot be reached."),
    ReadTimeoutError: (ModelTimeout, "The upstream was silent for too long."),
    DecodeError: (ModelGarbled, "The upstream's compression is broken."),
    HTTPError: (ModelUnavailable, "The connection to the upstream broke."),
}


def refused(status: int, body: bytes, wait: int | None) -> ModelError:
    """What an answer means that is not 200; only a rejection repeats what the server said."""
    kind, message = _STATUSES.get(status, (ModelUnavailable, f"The upstream answered {status}."))
    return kind(message or message_in(body), retry_after_seconds=wait)


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
    except (msgspec.DecodeError, RecursionError):
        found = body.decode(errors="replace")
    for name in ("error", "message", "detail"):
        found = found.get(name, found) if isinstance(found, dict) else found
    text = found if isinstance(found, str) else msgspec.json.encode(found).decode()
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line[:_MESSAGE_LENGTH] or "The upstream calls the request invalid."


def fault_in_stream(error: Any) -> ModelError:
    """What an error event means: by its status where it has one, else by OpenAI's word for it."""
    words = error if isinstance(error, dict) else {}
    status = words.get("code")
    if isinstance(status, int):
        kind, _ = _STATUSES.get(status, (ModelUnavailable, ""))
    else:
        named = f"{words.get('type')} {status}"
        kind = next((kind for word, kind in _WORDS.items() if word in named), ModelUnavailable)
    if kind is ModelRejected:
        return kind(message_in(msgspec.json.encode(error)))
    return kind("The upstream broke off with an error.")


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
