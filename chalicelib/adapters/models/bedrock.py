"""`bedrock://`: any chat model on Amazon Bedrock, through Converse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Final

import msgspec

from chalicelib.adapters.models.bedrock_pace import Pace
from chalicelib.adapters.models.bedrock_reply import StreamReader, completion
from chalicelib.adapters.models.bedrock_request import Guardrail, Manner, converse_request
from chalicelib.adapters.models.bedrock_runtime import BedrockRuntime, Parameters, connect, model_id
from chalicelib.adapters.models.bedrock_traits import traits_of
from chalicelib.adapters.models.uri import parameters
from chalicelib.domain.chat import ChatRequest, Completion, Delta
from chalicelib.domain.errors import Misconfigured, ModelError, ModelGarbled

_NOTHING: Final = Delta()


class BedrockModel:
    """Asks one model in one Region."""

    def __init__(self, runtime: BedrockRuntime, manner: Manner) -> None:
        """`manner` is how the model is spoken to."""
        self._runtime = runtime
        self._manner = manner

    def complete(self, request: ChatRequest, patience: float | None = None) -> Completion:
        """The whole answer in one piece."""
        arguments = converse_request(request, self._manner)
        return completion(self._runtime.converse(arguments, patience), self._manner.form(request))

    def stream(self, request: ChatRequest, patience: float | None = None) -> Iterator[Delta]:
        """The pieces that say something. Nothing is sent before the first is asked for."""
        arguments = converse_request(request, self._manner, stream=True)
        pace = self._runtime.pace(patience)
        with closing(self._runtime.converse_stream(arguments, pace)) as events:
            yield from _pieces(events, StreamReader(self._manner.form(request)), pace)


def open_bedrock(uri: str) -> BedrockModel:
    """The model that `bedrock://us-west-2/us.anthropic.claude-haiku-4-5` names."""
    asked = parameters(uri, Parameters)
    if bool(asked.guardrail) != bool(asked.guardrail_version):
        raise Misconfigured("A Bedrock target has both of guardrail and guardrail_version, or neither.")
    model = model_id(uri)
    traits = traits_of(asked.like or model)
    manner = Manner(
        model=model,
        traits=traits if asked.json == "auto" else msgspec.structs.replace(traits, json=asked.json),
        cache=asked.cache,
        guardrail=Guardrail(asked.guardrail, asked.guardrail_version, asked.guardrail_stream)
        if asked.guardrail
        else None,
    )
    return BedrockModel(connect(uri, asked), manner)


def _pieces(events: Iterator[dict[str, object]], reader: StreamReader, pace: Pace) -> Iterator[Delta]:
    """What the events say. A stream that had begun has burned tokens, though it said nothing yet."""
    begun = said = False
    try:
        for event in events:
            begun = True
            delta = reader.delta(event)
            if reader.malformed and not said:
                break
            if delta != _NOTHING:
                said = True
                pace.begun()
                yield delta
        reader.end()
    except ModelError as fault:
        if begun and not said and not fault.burned:
            raise ModelGarbled(fault.message, retry_after_seconds=fault.retry_after_seconds) from fault
        raise
