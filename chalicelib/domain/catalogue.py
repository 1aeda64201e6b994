"""The models on offer, what they can do and cost, and the targets that serve them."""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.domain.budget import Charge
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import UnknownModel

Capability = Literal["tools", "json_schema", "images", "reasoning"]


Positive = Annotated[int, Meta(ge=1)]


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """What a target takes in a minute before it throttles, counted as Bedrock does; None is no limit that is known.

    A call takes its input and its whole cap when it starts. When it ends, it has taken its input that was not cached,
    and each output token `output_burndown` times.
    """

    requests_per_minute: Positive | None = None
    tokens_per_minute: Positive | None = None
    output_burndown: Positive = 1


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One place that serves a model, named by URI. A lower tier is tried first.

    Within a tier, `weight` is how many times the work of a target of weight 1 it bears. `capabilities` and
    `context_tokens` are the model's own where they are None.
    """

    uri: str
    tier: Annotated[int, Meta(ge=0)] = 0
    weight: Annotated[int, Meta(ge=1, le=1_000)] = 1
    quota: Quota | None = None
    capabilities: frozenset[Capability] | None = None
    context_tokens: Positive | None = None

    @property
    def name(self) -> str:
        """What may be shown of the URI: parameters stay with the operator, and so does what is none of it."""
        scheme, separator, place = self.uri.partition("?")[0].partition("://")
        return f"{scheme}{separator}{place.rpartition('@')[2]}"


def known_as(model_id: str, uri: str) -> str:
    """The name under which all processes keep what they know of a model's target."""
    return sha256(f"{model_id}\n{uri}".encode()).hexdigest()[:24]


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-USD per million tokens, so 1 USD per million tokens is 1,000,000. A price of None is that of `input`."""

    input: Annotated[int, Meta(ge=0)] = 0
    output: Annotated[int, Meta(ge=0)] = 0
    cached_input: Annotated[int, Meta(ge=0)] | None = None
    cache_write: Annotated[int, Meta(ge=0)] | None = None


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """One model. A chat model has `max_output_tokens`, an embedding model has `dimensions`.

    With `right_size`, a request that names no cap gets one that the tenant's answers fit in, at most
    `default_output_tokens`. With `hedge_after_ms`, a second target is asked where the first was silent for so long.
    With `wait_for_tier_seconds`, a job waits so long for the lowest tier before it goes to another.
    """

    id: str
    targets: tuple[Target, ...]
    aliases: tuple[str, ...] = ()
    context_tokens: Positive = 128_000
    max_output_tokens: Annotated[int, Meta(ge=0)] = 0
    default_output_tokens: Positive = 4_096
    dimensions: Annotated[int, Meta(ge=0)] = 0
    right_size: bool = True
    hedge_after_ms: Positive | None = None
    wait_for_tier_seconds: Annotated[int, Meta(ge=0)] = 0
    capabilities: frozenset[Capability] = frozenset()
    prices: Prices = Prices()
    owned_by: str = "tidegate"
    created: int = 0


class Catalogue(Struct, frozen=True, forbid_unknown_fields=True):
    """Every model, by id and by alias."""

    models: tuple[Model, ...]

    def find(self, name: str, allowed: tuple[str, ...] | None = None) -> Model:
        """The model called `name` that a plan allows (None allows all), or `UnknownModel`."""
        model = self.named(name)
        if model is None or (allowed is not None and model.id not in allowed):
            raise UnknownModel(name)
        return model

    def named(self, name: str) -> Model | None:
        """The model called `name`, whoever may use it."""
        return next((model for model in self.models if name == model.id or name in model.aliases), None)

    def allowed(self, allowed: tuple[str, ...] | None) -> tuple[Model, ...]:
        """The models that a plan allows."""
        return tuple(m for m in self.models if allowed is None or m.id in allowed)


def cost(prices: Prices, usage: Usage) -> int:
    """What `usage` costs, in micro-USD, rounded up."""
    read, written = usage.cached_input_tokens, usage.cache_write_input_tokens
    total = (usage.input_tokens - read - written) * prices.input + usage.output_tokens * prices.output
    total += read * (prices.input if prices.cached_input is None else prices.cached_input)
    total += written * (prices.input if prices.cache_write is None else prices.cache_write)
    return -(-total // 1_000_000)


def charge(prices: Prices, usage: Usage) -> Charge:
    """One request that burned `usage`."""
    return Charge(requests=1, tokens=usage.input_tokens + usage.output_tokens, usd_micros=cost(prices, usage))


def most(prices: Prices, input_tokens: int, output_tokens: int) -> Charge:
    """The most that one request with so many tokens burns, whatever of its input is read from a cache or written."""
    plain = Usage(input_tokens, output_tokens)
    read = Usage(input_tokens, output_tokens, cached_input_tokens=input_tokens)
    written = Usage(input_tokens, output_tokens, cache_write_input_tokens=input_tokens)
    return max((charge(prices, usage) for usage in (plain, read, written)), key=lambda each: each.usd_micros)
