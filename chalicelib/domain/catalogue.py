"""The models on offer, what they can do and cost, and the targets that serve them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from chalicelib.domain.budget import Charge
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import UnknownModel

Capability = Literal["tools", "json_schema", "images", "reasoning"]


class Target(Struct, frozen=True, forbid_unknown_fields=True):
    """One place that serves a model, named by URI. A lower tier is tried first."""

    uri: str
    tier: int = 0
    weight: int = 1


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """Micro-USD per million tokens, so 1 USD per million tokens is 1,000,000."""

    input: int = 0
    output: int = 0
    cached_input: int | None = None


class Model(Struct, frozen=True, forbid_unknown_fields=True):
    """One model. A chat model has `max_output_tokens`, an embedding model has `dimensions`."""

    id: str
    targets: tuple[Target, ...]
    aliases: tuple[str, ...] = ()
    context_tokens: int = 128_000
    max_output_tokens: int = 0
    default_output_tokens: int = 4_096
    dimensions: int = 0
    capabilities: frozenset[Capability] = frozenset()
    prices: Prices = Prices()
    owned_by: str = "tidegate"
    created: int = 0


class Catalogue(Struct, frozen=True):
    """Every model, by id and by alias."""

    models: tuple[Model, ...]

    def find(self, name: str, allowed: tuple[str, ...] | None = None) -> Model:
        """The model called `name` that a plan allows (None allows all), or `UnknownModel`."""
        for model in self.models:
            if name == model.id or name in model.aliases:
                if allowed is not None and model.id not in allowed:
                    break
                return model
        raise UnknownModel(name)

    def allowed(self, allowed: tuple[str, ...] | None) -> tuple[Model, ...]:
        """The models that a plan allows."""
        return tuple(m for m in self.models if allowed is None or m.id in allowed)


def cost(prices: Prices, usage: Usage) -> int:
    """What `usage` costs, in micro-USD, rounded up."""
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    fresh = usage.input_tokens - usage.cached_input_tokens
    total = fresh * prices.input + usage.cached_input_tokens * cached_price + usage.output_tokens * prices.output
    return -(-total // 1_000_000)


def charge(prices: Prices, usage: Usage) -> Charge:
    """One request that burned `usage`."""
    return Charge(requests=1, tokens=usage.input_tokens + usage.output_tokens, usd_micros=cost(prices, usage))
