"""The way to an OpenAI-compatible server: connections, time limits, and what each failure means."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from urllib3.exceptions import HTTPError, ProtocolError

from chalicelib.adapters.http1.standing import PIECE
from chalicelib.adapters.models import openai_key
from chalicelib.adapters.models.asking import ask
from chalicelib.adapters.models.kept import limit
from chalicelib.adapters.models.kept_answer import Answer
from chalicelib.adapters.models.openai_faults import refused, translated, wait_in
from chalicelib.adapters.models.openai_key import HIDDEN, Fixed, Secret, Secrets
from chalicelib.adapters.models.sse import EventDecoder
from chalicelib.adapters.models.uri import parameters, split
from chalicelib.domain.errors import Misconfigured, ModelGarbled, ModelTimeout, ModelUnavailable
from chalicelib.ports import Clock

DONE: Final = "[DONE]"
_LARGEST_ANSWER: Final = 16 * 1024 * 1024
_LARGEST_STREAM: Final = 128 * 1024 * 1024  # some 250 bytes a token
_LARGEST_EVENT: Final = 1024 * 1024
_LARGEST_REFUSAL: Final = 16 * 1024
_DRAIN_SECONDS: Final = 0.2
_REFUSAL_SECONDS: Final = 1.0

Milliseconds = Annotated[int, Meta(ge=1, le=900_000)]


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """The query of `openai+https://host/v1`.

    `model` replaces the name that the request has. `cap` is the field that bounds the answer: reasoning models of
    OpenAI refuse `max_tokens`, many other servers know nothing else. `usage` asks a stream for its usage, which
    Mistral states unasked and refuses to be asked for. `key` says where the key is, `key_field` which field of a JSON
    object it is, `header` what carries it. `first_byte_ms` is the wait for a whole answer, or for the first event of
    a stream; `idle_ms` that between two events; `longest_ms` that for a stream's end.
    """

    model: str = ""
    cap: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    usage: bool = True
    key: Annotated[str, Meta(pattern=r"^((secretsmanager|ssm):.+)?$")] = ""
    key_field: str = ""
    header: Literal["authorization", "api-key", "x-api-key"] = "authorization"
    connect_ms: Milliseconds = 3_000
    first_byte_ms: Milliseconds = 60_000
    idle_ms: Milliseconds = 30_000
    longest_ms: Milliseconds = 900_000


class OpenAiUpstream:
    """Posts JSON to one server over kept connections; never retries, never follows a redirect, never shows its key."""

    def __init__(self, url: str, key: Secret, limits: Parameters, *, clock: Clock = time.time) -> None:
        """`url` ends where the API's paths begin, mostly in `/v1`."""
        self._url = url.rstrip("/")
        self._key = key
        self._limits = limits
        self._clock = clock

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:
        """The body of the answer."""
        wait = _Wait(self._limits, patience)
        with translated():
            response = self._opened(path, body, wait)
            _refuse_page(response)
            try:
                data = response.read(_LARGEST_ANSWER + 1)
            except ProtocolError as cut:  # it had begun to answer: tokens are burned
                raise ModelGarbled("The upstream broke off in the middle of its answer.") from cut
            finally:
                response.close()
        if len(data) > _LARGEST_ANSWER:
            raise ModelGarbled("The upstream's answer is too long.")
        return data

    def events(self, path: str, body: bytes, patience: float | None = None) -> Generator[str, Any]:
        """The data of each server-sent event, `[DONE]` included; closing it closes the connection.

        Send it True once an event said something: `patience` lasts until then. Run it to its end, and the connection
        serves the next call.
        """
        wait = _Wait(self._limits, patience)
        with translated():
            response = self._opened(path, body, wait)
            _refuse_page(response)
            try:
                yield from self._events(response, wait)
            except ProtocolError as cut:
                if not wait.said:  # it had begun to work
                    raise ModelGarbled("The upstream broke off before it said anything.") from cut
                raise
            finally:
                response.close()

    def _events(self, response: Answer, wait: _Wait) -> Generator[str, Any]:
        kind = response.headers.get("content-type", "event-stream")
        if "json" in kind:  # an error, as some servers say one that they met before the first piece
            yield response.read(_LARGEST_EVENT).decode(errors="replace")
            return
        if "event-stream" not in kind:
            raise ModelGarbled("The upstream did not answer with a stream.")
        decoder = EventDecoder(_LARGEST_EVENT)
        for data in _pieces(response):
            for event in map(str.strip, decoder.feed(data)):
                wait.said = (yield event) or wait.said
                if event == DONE:
                    limit(response, _DRAIN_SECONDS)
                    response.drain_conn()
                    return
                limit(response, wait.next_event())

    def _opened(self, path: str, body: bytes, wait: _Wait) -> Answer:
        key = openai_key.read(self._key)
        left = wait.whole()
        response = ask(
            self._url + path,
            body,
            {
                "content-type": "application/json",
                "user-agent": "tidegate",
                **openai_key.carried(key, self._limits.header),
            },
            seconds=left,
            connect=min(self._limits.connect_ms / 1000, left),
        )
        if response.status == HTTPStatus.OK:
            return response
        if response.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
            self._key.refused(key)
        said = _refusal(response).replace(key.encode(), HIDDEN) if key else _refusal(response)
        raise refused(response.status, said, wait_in(response.headers, self._clock()))


class _Wait:
    """How long a call may still take: until it has said something, between two events, and altogether."""

    def __init__(self, limits: Parameters, patience: float | None, ticks: Clock = time.monotonic) -> None:
        now = ticks()
        most = math.inf if patience is None else patience
        self.said = False
        self._ticks = ticks
        self._idle = limits.idle_ms / 1000
        self._first = now + min(most, limits.first_byte_ms / 1000)
        self._patience = now + most
        self._end = now + limits.longest_ms / 1000

    def whole(self) -> float:
        """Seconds for all of an answer, or for the first event of a stream."""
        return self._left(min(self._first, self._end))

    def next_event(self) -> float:
        """Seconds for the next event of a stream."""
        return min(self._idle, self._left(self._end if self.said else min(self._patience, self._end)))

    def _left(self, until: float) -> float:
        left = until - self._ticks()
        if left <= 0:
            raise ModelTimeout("The upstream's answer took too long.")
        return left


def connect(
    uri: str, key: str | None = None, *, secrets: Secrets | None = None, clock: Clock = time.time
) -> OpenAiUpstream:
    """The server that `openai+https://host/v1` names; `key` is for a URI that says of none where it is."""
    parts, asked = split(uri), parameters(uri, Parameters)
    scheme = parts.scheme.removeprefix("openai+")
    if scheme not in {"http", "https"} or not parts.hostname:
        raise Misconfigured("An OpenAI-compatible target is openai+https://host/v1 or openai+http://host:port/v1")
    if asked.key and secrets is None:
        raise Misconfigured("Nothing here can read the key that the target names.")
    secret = secrets(asked.key, asked.key_field) if asked.key and secrets else Fixed(key or "")
    return OpenAiUpstream(f"{scheme}://{parts.netloc}{parts.path}", secret, asked, clock=clock)


def _pieces(response: Answer) -> Iterator[bytes]:
    size = 0
    while data := response.read1(PIECE):
        size += len(data)
        if size > _LARGEST_STREAM:
            raise ModelGarbled("The upstream's answer is too long.")
        yield data


def _refuse_page(response: Answer) -> None:
    if "html" in response.headers.get("content-type", ""):  # no model said that
        response.close()
        raise ModelUnavailable("The upstream answered with a page, not as an API does.")


def _refusal(response: Answer) -> bytes:
    try:
        limit(response, _REFUSAL_SECONDS)
        return response.read(_LARGEST_REFUSAL)
    except HTTPError:
        return b""  # the status says enough
    finally:
        response.close()
