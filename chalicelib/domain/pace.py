"""How fast a target answers, learned from its answers: what the choice between targets is made by.

Time to the first piece grows with the input, the rest with the output. Both are learned as a ratio to a model of
ordinary speed, so that a short answer and a long one teach the same; averages are of logarithms, so that one stray
answer does not count as fifty.
"""

from __future__ import annotations

from math import exp, log
from typing import Final

import msgspec
from msgspec import Struct

ORDINARY: Final = 1.0
SHARE: Final = 0.3  # of a new observation in the average
HALF_LIFE_SECONDS: Final = 60.0  # in which a target that nobody asked is taken for half as slow: it is asked again
MOST_HALVINGS: Final = 10.0
FIRST_SECONDS: Final = 0.4
INPUT_TOKENS_A_SECOND: Final = 5_000.0
OUTPUT_TOKENS_A_SECOND: Final = 60.0
TELLING_TOKENS: Final = 50  # answers shorter than this say less of how fast tokens come
TYPICAL_OUTPUT_TOKENS: Final = 300  # answers are far shorter than their caps
_LEAST: Final = 1e-4


class Pace(Struct, frozen=True):
    """How many times slower than the ordinary a target is: to its first piece, and from there on.

    `at` is when it was asked last, in epoch seconds; None is a target that never answered. What it shows first is
    believed at once.
    """

    first: float = ORDINARY
    rest: float = ORDINARY
    at: float | None = None

    def began(self, seconds: float, input_tokens: int, now: float) -> Pace:
        """After a first piece came so late."""
        share = 1.0 if self.at is None else SHARE
        return Pace(_averaged(self.first, seconds / ordinary_first(input_tokens), share), self.rest, now)

    def ended(self, seconds: float, output_tokens: int, now: float) -> Pace:
        """After a stream went on for so long behind its first piece."""
        share = (1.0 if self.rest == ORDINARY else SHARE) * min(1.0, output_tokens / TELLING_TOKENS)
        rest = _averaged(self.rest, seconds / ordinary_rest(max(output_tokens, 1)), share)
        return Pace(self.first, rest, now)

    def answered(self, seconds: float, input_tokens: int, output_tokens: int, now: float) -> Pace:
        """After a whole answer took so long: both parts are taken to have been as much slower as the whole."""
        expected = self.first * ordinary_first(input_tokens) + self.rest * ordinary_rest(output_tokens)
        ratio = max(seconds, _LEAST) / max(expected, _LEAST)
        share = 1.0 if self.at is None else SHARE
        first, rest = (_averaged(each, each * ratio, share) for each in (self.first, self.rest))
        return Pace(first, rest, now)

    def failed(self, seconds: float, input_tokens: int, now: float) -> Pace:
        """After it said nothing for so long: at least so slow, and never faster for having failed quickly."""
        ratio = seconds / ordinary_first(input_tokens)
        if ratio > self.first:
            return self.began(seconds, input_tokens, now)
        return self if self.at is None else msgspec.structs.replace(self, at=now)

    def expected_first(self, input_tokens: int) -> float:
        """Seconds until a first piece."""
        return self.first * ordinary_first(input_tokens)

    def expected(self, input_tokens: int, output_tokens: int, now: float) -> float:
        """Seconds until the end of an answer, less the longer the target was not asked."""
        whole = self.expected_first(input_tokens) + self.rest * ordinary_rest(output_tokens)
        idle = 0.0 if self.at is None else max(0.0, now - self.at)
        return float(whole * 0.5 ** min(idle / HALF_LIFE_SECONDS, MOST_HALVINGS))


def ordinary_first(input_tokens: int) -> float:
    """Seconds until the first piece of an ordinary target."""
    return FIRST_SECONDS + input_tokens / INPUT_TOKENS_A_SECOND


def ordinary_rest(output_tokens: int) -> float:
    """Seconds that the rest of an answer takes an ordinary target."""
    return output_tokens / OUTPUT_TOKENS_A_SECOND


def _averaged(old: float, new: float, share: float = SHARE) -> float:
    return exp((1 - share) * log(max(old, _LEAST)) + share * log(max(new, _LEAST)))
