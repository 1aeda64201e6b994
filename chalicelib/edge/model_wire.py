"""Models and embeddings as OpenAI writes them."""

from __future__ import annotations

import base64
import struct
from typing import Annotated, Literal

import msgspec
from chalice.app import Response
from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.domain.catalogue import Model, Prices
from chalicelib.domain.chat import Wire
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON
from chalicelib.edge.headers import limit_headers
from chalicelib.pipeline.embed import EmbedAsk, Embeddings

InputText = Annotated[str, Meta(min_length=1)]


class EmbedBody(Wire, frozen=True):
    """The body of `POST /v1/embeddings`. Token arrays are refused: each model has a vocabulary of its own."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: InputText | Annotated[tuple[InputText, ...], Meta(min_length=1, max_length=2048)]
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=65536)] | None = None
    user: str | None = None


class Embedding(Struct, frozen=True, kw_only=True):
    """One vector: numbers, or float32 in little-endian bytes as base64."""

    object: Literal["embedding"] = "embedding"
    index: int
    embedding: tuple[float, ...] | str


class EmbedUsage(Struct, frozen=True):
    """Tokens of all inputs."""

    prompt_tokens: int
    total_tokens: int


class EmbedAnswer(Struct, frozen=True, kw_only=True):
    """Vectors in the order of their inputs."""

    object: Literal["list"] = "list"
    data: tuple[Embedding, ...]
    model: str
    usage: EmbedUsage


class ModelBody(Struct, frozen=True, kw_only=True):
    """One model: with `max_output_tokens` it chats, with `dimensions` it embeds. Prices are of a million tokens."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str
    context_tokens: int
    max_output_tokens: int | UnsetType = UNSET
    dimensions: int | UnsetType = UNSET
    prices: PriceList


class PriceList(Struct, frozen=True):
    """Micro-USD per million tokens; what is read from the provider's cache may have a price of its own."""

    input: int
    output: int
    cached_input: int


class ModelList(Struct, frozen=True, kw_only=True):
    """Every model that the key may use."""

    object: Literal["list"] = "list"
    data: tuple[ModelBody, ...]


def embed_ask_of(call: Call, body: EmbedBody) -> EmbedAsk:
    """What the pipeline is asked."""
    texts = (body.input,) if isinstance(body.input, str) else body.input
    return EmbedAsk(
        call.credential,
        body.model,
        texts,
        call.turn_id,
        call.now,
        dimensions=body.dimensions,
        request_id=call.request_id,
        left=call.left,
    )


def embed_response(found: Embeddings, body: EmbedBody) -> Response:
    """The vectors in the encoding that was asked for."""
    encode = _base64 if body.encoding_format == "base64" else _floats
    tokens = found.embedded.input_tokens
    vectors = enumerate(found.embedded.vectors)
    data = tuple(Embedding(index=index, embedding=encode(vector)) for index, vector in vectors)
    answer = EmbedAnswer(data=data, model=found.model, usage=EmbedUsage(tokens, tokens))
    headers = {"x-tidegate-target": found.target, **limit_headers(found.standing)}
    return _json(answer, headers)


def models_response(models: tuple[Model, ...]) -> Response:
    """The list of models."""
    return _json(ModelList(data=tuple(_body(model) for model in models)), {})


def model_response(model: Model) -> Response:
    """One model."""
    return _json(_body(model), {})


def _body(model: Model) -> ModelBody:
    return ModelBody(
        id=model.id,
        created=model.created,
        owned_by=model.owned_by,
        context_tokens=model.context_tokens,
        max_output_tokens=model.max_output_tokens or UNSET,
        dimensions=model.dimensions or UNSET,
        prices=_price_list(model.prices),
    )


def _price_list(prices: Prices) -> PriceList:
    read = prices.input if prices.cached_input is None else prices.cached_input
    return PriceList(prices.input, prices.output, read)


def _base64(vector: bytes) -> str:
    return base64.b64encode(vector).decode()


def _floats(vector: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(vector) // 4}f", vector)


def _json(value: object, headers: dict[str, str]) -> Response:
    return Response(msgspec.json.encode(value).decode(), {"Content-Type": JSON, **headers})
