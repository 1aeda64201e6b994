"""`openai+http://` and `openai+https://`: any server that speaks Chat Completions."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Final, Protocol

from chalicelib.adapters.models.openai_upstream import DONE, Parameters, connect
from chalicelib.adapters.models.openai_wire import decode, decode_delta, encode
from chalicelib.adapters.models.uri import parameters
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.errors import ModelUnavailable
from chalicelib.ports import Clock

_PATH: Final = "/chat/completions"
_NOTHING: Final = Delta()


class Upstream(Protocol):
    """The way to a server: errors are translated, `patience` is that of a `ChatModel`."""

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:
        """The body of the answer."""

    def events(self, path: str, body: bytes, patience: float | None = None) -> Generator[str]:
        """The data of each event, `[DONE]` included where it comes; closing it ends the call."""


class OpenAiModel:
    """Asks one model of an OpenAI-compatible server."""

    def __init__(self, upstream: Upstream, *, model: str | None = "", cap: str = "max_tokens") -> None:
        """`model` replaces the request's name for it, None sends none; `cap` is the field that bounds the answer."""
        self._upstream = upstream
        self._model = model
        self._cap = cap

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """The whole answer in one piece."""
        body = encode(request, model=self._model, cap=self._cap, stream=False)
        return decode(self._upstream.post(_PATH, body, patience))

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The pieces that say something. Nothing is sent before the first is asked for."""
        body = encode(request, model=self._model, cap=self._cap, stream=True)
        finished = False
        with closing(self._upstream.events(_PATH, body, patience)) as events:
            for event in events:
                delta = _delta(event, finished=finished)
                finished = finished or delta.finish_reason is not None
                if delta != _NOTHING:
                    yield delta
        if not finished:
            raise ModelUnavailable("The upstream broke off before the answer was whole.")


def open_openai(uri: str, key: str | None = None, *, clock: Clock = time.time) -> OpenAiModel:
    """The model that `openai+https://host/v1?model=name` names."""
    asked = parameters(uri, Parameters)
    return OpenAiModel(connect(uri, key, clock=clock), model=asked.model, cap=asked.cap)


def _delta(event: str, *, finished: bool) -> Delta:
    if event == DONE:  # a server that ends in good order without a reason has stopped
        return _NOTHING if finished else Delta(finish_reason="stop")
    return decode_delta(event)
