"""`bedrock://`: any chat model on Amazon Bedrock, through Converse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

from chalicelib.adapters.models.bedrock_reply import StreamReader, completion
from chalicelib.adapters.models.bedrock_request import converse_request
from chalicelib.adapters.models.bedrock_runtime import BedrockRuntime, connect, model_id
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.errors import ModelUnavailable

_NOTHING: Final = Delta()


class BedrockModel:
    """Asks one model in one Region."""

    def __init__(self, runtime: BedrockRuntime, *, model: str = "") -> None:
        """`model` replaces the request's name for it."""
        self._runtime = runtime
        self._model = model

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:  # noqa: ARG002
        """The whole answer in one piece."""
        return completion(self._runtime.converse(converse_request(request, self._model)))

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:  # noqa: ARG002
        """The pieces that say something. Nothing is sent before the first is asked for."""
        reader = StreamReader()
        with closing(self._runtime.converse_stream(converse_request(request, self._model))) as events:
            for event in events:
                delta = reader.delta(event)
                if delta != _NOTHING:
                    yield delta
        if not reader.finished:
            raise ModelUnavailable("Bedrock broke off before the answer was whole.")


def open_bedrock(uri: str) -> BedrockModel:
    """The model that `bedrock://us-west-2/us.anthropic.claude-haiku-4-5` names."""
    return BedrockModel(connect(uri), model=model_id(uri))
