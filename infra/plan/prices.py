"""What AWS asks and allows, read from `infra/prices.toml`, with where and when each figure was seen."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

PRICES: Final = Path(__file__).parents[1] / "prices.toml"
DAYS: Final = 30.4  # in a month
HOURS: Final = 24 * DAYS


class Price(Struct, frozen=True, forbid_unknown_fields=True):
    """USD for `per` units, and how sure that is."""

    usd: float
    seen: Literal["page", "known", "guess"]
    date: str
    source: str
    per: float = 1.0


class Pace(Struct, frozen=True, forbid_unknown_fields=True):
    """How soon a model begins, how fast it goes on, and how often its quota counts an output token."""

    first_seconds: float
    tokens_a_second: float
    burndown: int

    def seconds(self, tokens: float) -> float:
        """How long an answer takes."""
        return self.first_seconds + tokens / self.tokens_a_second


class Quota(Struct, frozen=True, forbid_unknown_fields=True):
    """What an account may do; `default` None differs from model to model."""

    name: str
    service: str
    code: str = ""
    default: float | None = None
    raises: bool = False


class Prices(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    prices: Mapping[str, Price]
    free: Mapping[str, float]
    regions: Mapping[str, float]
    paces: Mapping[str, Pace]
    quotas: Mapping[str, Quota]

    def usd(self, name: str, units: float) -> float:
        """What so many units a month cost in us-east-1, less what is free."""
        price = self.prices[name]
        return max(0.0, units - self.free.get(name, 0.0)) * price.usd / price.per


def read(path: Path = PRICES) -> Prices:
    """The committed prices."""
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Prices)
