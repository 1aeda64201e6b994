"""Which numbers an option of the planner takes, and the sentence about one that it does not take."""

from argparse import ArgumentTypeError
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

_LEAST: Final = 1e-6
_MOST: Final = 10**12
_MOST_REGIONS: Final = 30


class Range(Struct, frozen=True):
    """`words` say to a person what `holds` says of a number."""

    words: str
    kind: type[int] | type[float]
    holds: Callable[[float], bool]

    def read(self, text: str) -> float:
        """The number that was typed, or a fault that `argparse` tells."""
        try:
            number = self.kind(text)
        except ValueError:
            raise ArgumentTypeError(self.refusal(text)) from None
        if not self.holds(number):
            raise ArgumentTypeError(self.refusal(text))
        return number

    def refusal(self, given: object) -> str:
        """What the option must be, as the end of a sentence."""
        return f"must be {self.words}, not {given}"


WHOLE: Final = Range("a whole number from 1 to 10^12", int, lambda number: 1 <= number <= _MOST)
FROM_0: Final = Range("a whole number from 0 to 10^12", int, lambda number: 0 <= number <= _MOST)
AMOUNT: Final = Range("a number from 10^-6 to 10^12", float, lambda number: _LEAST <= number <= _MOST)
SHARE: Final = Range("a share from 0 to 1", float, lambda number: 0 <= number <= 1)
REGIONS: Final = Range(f"a whole number from 0 to {_MOST_REGIONS}", int, lambda number: 0 <= number <= _MOST_REGIONS)

RANGES: Final[Mapping[str, Range]] = {
    "users": WHOLE,
    "turns_per_day": AMOUNT,
    "peak": AMOUNT,
    "input_tokens": WHOLE,
    "output_tokens": WHOLE,
    "hit_rate": SHARE,
    "semantic_rate": SHARE,
    "streamed": SHARE,
    "later": SHARE,
    "conversations": SHARE,
    "largest": SHARE,
    "tenants": WHOLE,
    "replicas": REGIONS,
    "quota": WHOLE,
    "seed": FROM_0,
}
