"""The way to an OpenAI-compatible server: connections, time limits, and what each failure means."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from functools import cache
from http import HTTPStatus
from typing import Annotated, Final, Literal

import urllib3
from msgspec import Meta, Struct

from chalicelib.adapters.models.openai_faults import refused, retry_after_seconds, translated
from chalicelib.adapters.models.sse import EventDecoder
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.errors import Misconfigured, ModelGarbled
from chalicelib.ports import Clock

DONE: Final = "[DONE]"
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LARGEST_EVENT: Final = 1024 * 1024
_LARGEST_REFUSAL: Final = 16 * 1024
_READ: Final = 64 * 1024
_DRAIN_SECONDS: Final = 0.2

Milliseconds = Annotated[int, Meta(ge=1, le=900_000)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of `openai+https://host/v1`.

    `model` replaces the name that the request has. `cap` is the field that bounds the answer: reasoning models of
    OpenAI refuse `max_tokens`, many other servers know nothing else. `first_byte_ms` is the wait for a whole answer,
    or for the first event of a stream; `idle_ms` that between two events.
    """

    model: str = ""
    cap: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    connect_ms: Milliseconds = 3_000
    first_byte_ms: Milliseconds = 60_000
    idle_ms: Milliseconds = 30_000


class OpenAiUpstream:
    """Posts JSON to one server over kept connections; never retries, never follows a redirect, never shows its key."""

    def __init__(self, url: str, key: str | None, limits: Parameters, *, clock: Clock = time.time) -> None:
        """`url` ends where the API's paths begin, mostly in `/v1`."""
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            raise Misconfigured("The upstream's key has characters that no header can carry.")
        self._url = url.rstrip("/")
        self._key = key or ""
        self._limits = limits
        self._clock = clock

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:
        """The body of the answer."""
        with translated():
            response = self._opened(path, body, patience)
            try:
                data = response.read(_LARGEST_ANSWER + 1)
            except urllib3.exceptions.ProtocolError as cut:  # it had begun to answer: tokens are burned
                raise ModelGarbled("The upstream broke off in the middle of its answer.") from cut
            finally:
                response.close()
        if len(data) > _LARGEST_ANSWER:
            raise ModelGarbled("The upstream's answer is too long.")
        return data

    def events(self, path: str, body: bytes, patience: float | None = None) -> Generator[str]:
        """The data of each server-sent event, `[DONE]` included; closing it closes the connection.

        Run it to its end, and the connection serves the next call.
        """
        with translated():
            response = self._opened(path, body, patience)
            try:
                yield from self._events(response)
            finally:
                response.close()

    def _events(self, response: urllib3.BaseHTTPResponse) -> Iterator[str]:
        if "event-stream" not in response.headers.get("content-type", "event-stream"):
            raise ModelGarbled("The upstream did not answer with a stream.")
        decoder = EventDecoder(_LARGEST_EVENT)
        for data in _pieces(response):
            for event in decoder.feed(data):
                _limit_silence(response, self._limits.idle_ms / 1000)
                yield event
                if event == DONE:
                    _limit_silence(response, _DRAIN_SECONDS)
                    response.drain_conn()
                    return

    def _opened(self, path: str, body: bytes, patience: float | None) -> urllib3.BaseHTTPResponse:
        headers = {"content-type": "application/json", "user-agent": "tidegate"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        response = _pool().request(
            "POST",
            self._url + path,
            body=body,
            headers=headers,
            timeout=self._timeout(patience),
            redirect=False,
            preload_content=False,
        )
        if response.status == HTTPStatus.OK:
            return response
        try:
            body = response.read(_LARGEST_REFUSAL)
        finally:
            response.close()
        wait = retry_after_seconds(response.headers.get("retry-after"), self._clock())
        raise refused(response.status, self._without_key(body), wait)

    def _timeout(self, patience: float | None) -> urllib3.Timeout:
        connect, read = self._limits.connect_ms / 1000, self._limits.first_byte_ms / 1000
        most = read if patience is None else patience
        return urllib3.Timeout(connect=min(connect, most), read=min(read, most))

    def _without_key(self, body: bytes) -> bytes:
        return body.replace(self._key.encode(), "…".encode()) if self._key else body


def connect(uri: str, key: str | None = None, *, clock: Clock = time.time) -> OpenAiUpstream:
    """The server that `openai+https://host/v1` names."""
    parts = split(uri)
    scheme = parts.scheme.removeprefix("openai+")
    if scheme not in {"http", "https"} or not parts.hostname:
        raise Misconfigured("An OpenAI-compatible target is openai+https://host/v1 or openai+http://host:port/v1")
    return OpenAiUpstream(f"{scheme}://{parts.netloc}{parts.path}", key, parameters(uri, Parameters), clock=clock)


def _pieces(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    size = 0
    while data := response.read1(_READ):
        size += len(data)
        if size > _LARGEST_ANSWER:
            raise ModelGarbled("The upstream's answer is too long.")
        yield data


def _limit_silence(response: urllib3.BaseHTTPResponse, seconds: float) -> None:
    """From now on; a server that announced to hang up has taken the socket away, and keeps the first limit."""
    sock = getattr(response.connection, "sock", None)
    if sock is not None:
        sock.settimeout(seconds)


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(num_pools=32, maxsize=128, retries=False)
