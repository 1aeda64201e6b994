"""How many workers take from the line at once: as many as its targets bear, found by what came back unanswered.

A worker has a batch of messages in hand, each waiting for a model. Too many workers ask targets that are full, and put
jobs back; too few leave room unused while jobs wait. Stated quotas bound what is found, and are not believed beyond it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Final

from msgspec import Struct

from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota
from chalicelib.domain.pace import TYPICAL_OUTPUT_TOKENS

FEWEST: Final = 2  # what SQS lets the bound of an event source be
MOST: Final = 1_000
START: Final = 5
MESSAGES: Final = 10  # that one worker has in hand
LOOK_BACK: Final = 5  # minutes
CALM: Final = 3  # of them must have been calm before there are more workers
AWAY: Final = 3  # openings in a row: the target is not busy, it is not there
TYPICAL_INPUT_TOKENS: Final = 1_000
SLOW_SECONDS: Final = 20.0  # what a call takes of a slow target: a quota bears no more calls at once than at this pace
MINUTE: Final = 60


class Flow(Struct, frozen=True):
    """The line as it is: workers it may have at once (None: unbounded), since which epoch second, messages waiting."""

    workers: int | None
    changed_at: float
    waiting: int


def bearable(targets: Sequence[tuple[Quota | None, Breaker]], now: float) -> int | None:
    """How many calls the targets take at once; None where one of them does not say."""
    quotas = [quota for quota, breaker in targets if not _is_away(breaker, now)]
    calls = [_calls_a_minute(quota) for quota in quotas]
    known = [each for each in calls if each is not None]
    return ceil(sum(known) * SLOW_SECONDS / MINUTE) if len(known) == len(calls) else None


def next_workers(flow: Flow, returned: Sequence[int], bears: int | None, now: float) -> int:
    """How many there should be; at most twice as many, at least half, and another number once a minute at most.

    `returned` has how many jobs were put back in each of the last `LOOK_BACK` whole minutes, the latest first.
    """
    if flow.workers is None:
        return START
    if now - flow.changed_at < 0.75 * MINUTE:
        return flow.workers
    wanted = _wanted(flow.workers, flow.waiting, returned)
    if bears is not None:
        wanted = min(wanted, ceil(bears / MESSAGES))
    return min(max(wanted, ceil(flow.workers / 2), FEWEST), MOST)


def _wanted(workers: int, waiting: int, returned: Sequence[int]) -> int:
    """A quarter less for a bad minute, half for the second; after calm ones a quarter more, or twice as many."""
    in_hand = workers * MESSAGES
    if returned[0] > in_hand:
        return workers // 2 if returned[1] > in_hand else workers - ceil(workers / 4)
    if not waiting or any(4 * each > in_hand for each in returned[:CALM]):
        return workers
    return workers + ceil(workers / 4) if any(returned) else 2 * workers


def _is_away(breaker: Breaker, now: float) -> bool:
    return not breaker.admits(now) and (breaker.streak >= AWAY or breaker.until > now + MINUTE)


def _calls_a_minute(quota: Quota | None) -> float | None:
    """What a quota lets through of typical calls; None where it has no bound."""
    if quota is None:
        return None
    tokens = TYPICAL_INPUT_TOKENS + TYPICAL_OUTPUT_TOKENS * quota.output_burndown
    bounds = [quota.requests_per_minute, quota.tokens_per_minute and quota.tokens_per_minute / tokens]
    return min((each for each in bounds if each is not None), default=None)
