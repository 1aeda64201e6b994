"""The Chalice application, made safe for threads and able to stream.

Chalice keeps the current request on the application object, and turns every body into text at once. Here the request
belongs to the thread that handles it, and a transport that can stream asks for the body as it comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from chalice.app import Chalice, Request, Response

_request: ContextVar[Request | None] = ContextVar("request", default=None)
_streaming: ContextVar[bool] = ContextVar("streaming", default=False)

Headers = dict[str, str | list[str]]
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
JSON: Final = "application/json"
EVENT_STREAM: Final = "text/event-stream"


class Gateway(Chalice):
    """Chalice with a request of its own for each thread, and `stream` beside the call."""

    @property
    def current_request(self) -> Request | None:
        """The request that this thread is handling."""
        return _request.get()

    @current_request.setter
    def current_request(self, request: Request | None) -> None:
        _request.set(request)

    def stream(self, event: dict[str, Any], context: Any) -> tuple[int, Headers, bytes | Iterator[bytes]]:
        """Handle an API Gateway event as `streamed` does."""
        return streamed(self, event, context)


def streamed(handler: Handler, event: dict[str, Any], context: Any) -> tuple[int, Headers, bytes | Iterator[bytes]]:
    """What `handler` answers to an API Gateway event: status, headers, and a body that is an iterator where it streams.

    Whoever reads an iterator does so under `ending`, so that a turn that is cut is settled.
    """
    token = _streaming.set(True)
    try:
        response = handler(event, context)
    finally:
        _streaming.reset(token)
    body = response["body"]
    headers: Headers = {**response["headers"], **response["multiValueHeaders"]}
    return response["statusCode"], headers, body.encode() if isinstance(body, str) else body


@contextmanager
def ending(events: Iterator[bytes]) -> Iterator[None]:
    """End the events with the block, however far they were read."""
    try:
        yield
    finally:
        if (close := getattr(events, "close", None)) is not None:
            close()


def current_request() -> Request | None:
    """The request that this thread is handling."""
    return _request.get()


class SecretResponse(Response):
    """An answer with a secret in it, which is told once: nobody keeps it."""


class StreamedResponse(Response):
    """Server-sent events: passed on piece by piece where the transport streams, in one piece elsewhere."""

    def __init__(self, events: Iterator[bytes], headers: Headers) -> None:
        """`events` are whole events, each ending in an empty line."""
        super().__init__(body="", headers={"Content-Type": EVENT_STREAM, "Cache-Control": "no-cache", **headers})
        self.events = events

    def to_dict(self, binary_types: list[str] | None = None) -> dict[str, Any]:
        """The proxy response, its body left as an iterator for a transport that streams."""
        if not _streaming.get():
            with ending(self.events):
                self.body = b"".join(self.events).decode()
            return super().to_dict(binary_types)
        return {**super().to_dict(None), "body": self.events}
