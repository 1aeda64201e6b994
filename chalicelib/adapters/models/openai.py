"""`openai+http://` and `openai+https://`: any server that speaks Chat Completions."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Final, Protocol

from chalicelib.adapters.models.openai_key import Secrets
from chalicelib.adapters.models.openai_stream import NOTHING, DeltaReader
from chalicelib.adapters.models.openai_upstream import DONE, Parameters, connect
from chalicelib.adapters.models.openai_wire import decode, encode
from chalicelib.adapters.models.uri import parameters
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelRejected, ModelUnavailable
from chalicelib.ports import Clock

_PATH: Final = "/chat/completions"


class Upstream(Protocol):
    """The way to a server: errors are translated, `patience` is that of a `ChatModel`."""

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:
        """The body of the answer."""

    def events(self, path: str, body: bytes, patience: float | None = None) -> Generator[str, Any]:
        """The data of each event, `[DONE]` included where it comes; closing it ends the call.

        It is sent True once an event said something: `patience` lasts until then.
        """


class OpenAiModel:
    """Asks one model of an OpenAI-compatible server."""

    def __init__(
        self, upstream: Upstream, *, model: str | None = "", cap: str = "max_tokens", usage: bool = True
    ) -> None:
        """`model` replaces the request's name for it, None sends none; `cap` is the field that bounds the answer.

        `usage` asks a stream for its usage.
        """
        self._upstream = upstream
        self._model = model
        self._cap = cap
        self._usage = usage

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """The whole answer in one piece."""
        return decode(self._upstream.post(_PATH, self._body(request, stream=False), patience))

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The pieces that say something. Nothing is sent before the first is asked for."""
        reader, said, finished = DeltaReader(), None, False
        with closing(self._upstream.events(_PATH, self._body(request, stream=True), patience)) as events:
            while (event := _next(events, said)) is not None:
                delta = _delta(reader, event, finished=finished, said=bool(said))
                finished = finished or delta.finish_reason is not None
                if delta != NOTHING:
                    yield delta
                    said = True
        if not finished:
            raise (ModelUnavailable if said else ModelGarbled)("The upstream broke off before the answer was whole.")

    def _body(self, request: ChatRequest, *, stream: bool) -> bytes:
        return encode(request, model=self._model, cap=self._cap, stream=stream, usage=self._usage)


def open_openai(
    uri: str, key: str | None = None, *, secrets: Secrets | None = None, clock: Clock = time.time
) -> OpenAiModel:
    """The model that `openai+https://host/v1?model=name` names; `key` is for a URI that says of none where it is."""
    asked = parameters(uri, Parameters)
    upstream = connect(uri, key, secrets=secrets, clock=clock)
    return OpenAiModel(upstream, model=asked.model, cap=asked.cap, usage=asked.usage)


def _next(events: Generator[str, Any], said: bool | None) -> str | None:  # noqa: FBT001
    """The next event, or None at the end; what stands behind hears whether the answer has said something."""
    try:
        return events.send(said)
    except StopIteration:
        return None


def _delta(reader: DeltaReader, event: str, *, finished: bool, said: bool) -> Delta:
    if event == DONE:
        return NOTHING if finished else reader.end()
    try:
        return reader.read(event)
    except ModelError as fault:
        if not reader.begun or said or fault.burned or isinstance(fault, ModelRejected):
            raise
        # the model had begun: its tokens are burned
        raise ModelGarbled(fault.message, retry_after_seconds=fault.retry_after_seconds) from fault
