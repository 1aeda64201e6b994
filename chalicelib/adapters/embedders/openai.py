"""Embeddings of any server that speaks OpenAI's API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final, Protocol
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.embedders.vectors import little_endian
from chalicelib.domain.errors import Misconfigured, ModelError, ModelGarbled, ModelRejected, ModelTimeout
from chalicelib.ports import Clock, Embedded

_PATH: Final = "/embeddings"
_BATCH: Final = 256  # texts a call; OpenAI takes 2,048, smaller servers less


class Upstream(Protocol):
    """What this needs of a server: `chalicelib.adapters.models.openai_upstream` has it, errors translated."""

    def post(self, path: str, body: bytes, patience: float | None = None) -> bytes:
        """The body of the answer."""


class _Vector(Struct):
    index: int
    embedding: list[float]


class _Usage(Struct):
    prompt_tokens: Annotated[int, Meta(ge=0)] = 0


class _Reply(Struct):
    data: list[_Vector]
    usage: _Usage | None = None


class OpenAiEmbedder:
    """Sends texts in batches, and puts the vectors back in the order that their indexes say."""

    def __init__(self, upstream: Upstream, *, model: str, ticks: Clock = time.monotonic) -> None:
        """`model` is the server's name for it."""
        self._upstream = upstream
        self._model = model
        self._ticks = ticks

    def embed(self, texts: Sequence[str], dimensions: int | None = None, patience: float | None = None) -> Embedded:
        """A vector for each text; a model that cannot be shortened says so itself."""
        replies: list[_Reply] = []
        began_at = self._ticks()
        for start in range(0, len(texts), _BATCH):
            left = None if patience is None else patience - (self._ticks() - began_at)
            try:
                replies.append(self._embedded(texts[start : start + _BATCH], dimensions, left))
            except ModelError as fault:
                if not replies or fault.burned or isinstance(fault, ModelRejected):
                    raise
                # the batches before were answered: their tokens are burned
                raise ModelGarbled(fault.message, retry_after_seconds=fault.retry_after_seconds) from fault
        return Embedded(
            vectors=tuple(little_endian(vector.embedding) for reply in replies for vector in reply.data),
            input_tokens=sum(reply.usage.prompt_tokens for reply in replies if reply.usage),
        )

    def _embedded(self, texts: Sequence[str], dimensions: int | None, patience: float | None) -> _Reply:
        if patience is not None and patience <= 0:
            raise ModelTimeout("The upstream took too long for all the texts.")
        body: dict[str, Any] = {"model": self._model, "input": list(texts), "encoding_format": "float"}
        if dimensions is not None:
            body["dimensions"] = dimensions
        try:
            answer = self._upstream.post(_PATH, msgspec.json.encode(body), patience)
            reply = msgspec.json.decode(answer, type=_Reply)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            raise ModelGarbled("The upstream's answer has no embeddings.") from fault
        reply.data.sort(key=lambda vector: vector.index)
        lengths = {len(vector.embedding) for vector in reply.data}
        if [vector.index for vector in reply.data] != list(range(len(texts))) or len(lengths) != 1 or 0 in lengths:
            raise ModelGarbled("The upstream sent other embeddings than were asked for.")
        if dimensions and lengths != {dimensions}:
            raise ModelRejected(f"This model has {lengths.pop()} dimensions, not {dimensions}.")
        return reply


def open_openai(uri: str, upstream: Upstream) -> OpenAiEmbedder:
    """The embedder that `openai+https://host/v1?model=name` names, over that server."""
    models = parse_qs(urlsplit(uri).query).get("model")
    if not models:
        raise Misconfigured("An embedder on an OpenAI-compatible server needs ?model=name.")
    return OpenAiEmbedder(upstream, model=models[0])
