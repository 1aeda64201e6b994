"""Amazon Titan Text Embeddings V2 on Bedrock."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Final, Protocol
from urllib.parse import unquote, urlsplit

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.embedders.vectors import little_endian
from chalicelib.domain.errors import Misconfigured, ModelError, ModelGarbled, ModelRejected, ModelTimeout
from chalicelib.ports import Clock, Embedded

_DIMENSIONS: Final = (1024, 512, 256)


class Runtime(Protocol):
    """What this needs of Bedrock: `chalicelib.adapters.models.bedrock_runtime` has it, errors translated."""

    def invoke(self, model: str, body: bytes, patience: float | None = None) -> bytes:
        """The JSON that `model` answers to `body` within so many seconds."""


class _Reply(Struct):
    embedding: list[float]
    input_tokens: Annotated[int, Meta(ge=0)] = msgspec.field(name="inputTextTokenCount", default=0)


class BedrockEmbedder:
    """Asks Titan once for each text, as it takes one at a time."""

    def __init__(self, runtime: Runtime, *, model: str, clock: Clock = time.monotonic) -> None:
        """`model` is Titan's id, or the ARN of a profile for it; `clock` never goes back."""
        self._runtime = runtime
        self._model = model
        self._clock = clock

    def embed(self, texts: Sequence[str], dimensions: int | None = None, patience: float | None = None) -> Embedded:
        """A unit vector for each text, of 1024, 512 or 256 dimensions."""
        length = dimensions or _DIMENSIONS[0]
        if length not in _DIMENSIONS:
            raise ModelRejected(f"This model has 1024, 512 or 256 dimensions, not {length}.")
        end = None if patience is None else self._clock() + patience
        replies: list[_Reply] = []
        for text in texts:
            try:
                replies.append(self._embedded(text, length, self._left(end)))
            except ModelError as fault:
                if not replies or fault.burned or isinstance(fault, ModelRejected):
                    raise
                # the texts before were answered: their tokens are burned
                raise ModelGarbled(fault.message, retry_after_seconds=fault.retry_after_seconds) from fault
        return Embedded(
            vectors=tuple(little_endian(reply.embedding) for reply in replies),
            input_tokens=sum(reply.input_tokens for reply in replies),
        )

    def _left(self, end: float | None) -> float | None:
        left = None if end is None else end - self._clock()
        if left is not None and left <= 0:
            raise ModelTimeout("Bedrock took too long.")
        return left

    def _embedded(self, text: str, dimensions: int, patience: float | None) -> _Reply:
        body = {"inputText": text, "dimensions": dimensions, "normalize": True}
        try:
            answer = self._runtime.invoke(self._model, msgspec.json.encode(body), patience)
            reply = msgspec.json.decode(answer, type=_Reply)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise ModelGarbled("Bedrock's answer has no embedding.") from None
        if len(reply.embedding) != dimensions:
            raise ModelGarbled(f"Bedrock sent {len(reply.embedding)} dimensions instead of {dimensions}.")
        return reply


def open_bedrock(uri: str, runtime: Runtime) -> BedrockEmbedder:
    """The embedder that `bedrock://us-west-2/amazon.titan-embed-text-v2:0` names, over that Region's runtime."""
    model = unquote(urlsplit(uri).path.strip("/"))
    if not model:
        raise Misconfigured("An embedder on Bedrock is bedrock://region/model-id.")
    return BedrockEmbedder(runtime, model=model)
