"""A target's quota of one minute, leased in blocks: what a process may still send without asking anybody.

As Bedrock counts: a call takes its input and its whole cap at its start, and what it did not burn comes back at its
end. A process leases enough for the calls that it had lately, so that a busy one seldom asks, and an idle one keeps
little from the others.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.catalogue import Quota
from chalicelib.domain.chat import Usage

MOST_CALLS: Final = 16  # that one block is for
PARTS: Final = 16  # a block is at most this part of the quota, unless a single call is more


class Block(Struct, frozen=True):
    """So many requests and tokens of a quota."""

    requests: int = 0
    tokens: int = 0

    def __add__(self, other: Block) -> Block:
        """Both together."""
        return Block(self.requests + other.requests, self.tokens + other.tokens)

    def __sub__(self, other: Block) -> Block:
        """What is left of this; parts may be negative."""
        return Block(self.requests - other.requests, self.tokens - other.tokens)

    def covers(self, other: Block) -> bool:
        """Whether `other` fits in it."""
        return self.requests >= other.requests and self.tokens >= other.tokens


class Allowance(Struct, frozen=True):
    """What is left of the blocks leased in a minute, and how many calls were made out of them."""

    minute: int = 0
    left: Block = Block()
    calls: int = 0

    def at(self, now: float) -> Allowance:
        """Itself in its minute; after it, nothing: a quota does not add up."""
        minute = int(now) // 60
        return self if minute == self.minute else Allowance(minute)

    def taken(self, asked: Block) -> Allowance:
        """After a call took `asked`."""
        return msgspec.structs.replace(self, left=self.left - asked, calls=self.calls + 1)

    def given(self, block: Block) -> Allowance:
        """After a block was leased, or a call gave back what it did not burn."""
        return msgspec.structs.replace(self, left=self.left + block)


def start(input_tokens: int, cap: int) -> Block:
    """What a call takes at its start."""
    return Block(1, input_tokens + cap)


def burned(quota: Quota, usage: Usage) -> Block:
    """What it has taken at its end."""
    fresh = usage.input_tokens - usage.cached_input_tokens
    return Block(1, fresh + quota.output_burndown * usage.output_tokens)


def lacking(asked: Block, allowance: Allowance) -> Block:
    """The least that must be leased for a call that does not fit."""
    return Block(
        max(0, asked.requests - allowance.left.requests),
        max(0, asked.tokens - allowance.left.tokens),
    )


def block(quota: Quota, asked: Block, allowance: Allowance) -> Block:
    """How much to lease for a call that does not fit: for as many calls again as there were in this minute."""
    calls, least = min(max(allowance.calls, 1), MOST_CALLS), lacking(asked, allowance)
    return Block(
        _part(quota.requests_per_minute, least.requests, asked.requests * calls),
        _part(quota.tokens_per_minute, least.tokens, asked.tokens * calls),
    )


def _part(most: int | None, least: int, wanted: int) -> int:
    if least == 0:
        return 0  # what is there already is left to others
    return max(least, wanted if most is None else min(wanted, most // PARTS))
