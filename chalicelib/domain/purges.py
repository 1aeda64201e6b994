"""What was purged of a tenant, told so that an answer from before shows it by its age alone, wherever it is kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from chalicelib.domain.entries import AnswerScope, Purge

MOST: Final = 50  # that are told apart; the oldest of more are told as one that purges more
LONGEST_SECONDS: Final = 366 * 86_400  # no answer is kept for longer


def ended(purge: Purge, now: float) -> Purge:
    """The purge as it is told from `now` on: `before` is the first second whose answers stay."""
    before = int(now) + 1
    return msgspec.structs.replace(purge, before=before if purge.before is None else min(before, purge.before))


def forbids(purges: Iterable[Purge], scope: AnswerScope, created_at: int) -> bool:
    """Whether an answer of the scope, to a question of that second, was purged."""
    return any(created_at < (purge.before or 0) and purge.covers(scope) for purge in purges)


def added(purges: Iterable[Purge], new: Purge, now: float) -> tuple[Purge, ...]:
    """All that is to be told once `new` came: nothing that it says too, nothing that no answer is old enough for."""
    oldest = now - LONGEST_SECONDS
    kept = [each for each in purges if (each.before or 0) > oldest and not _says(new, each)]
    told = sorted([*kept, new], key=lambda each: each.before or 0)
    if len(told) <= MOST:
        return tuple(told)
    merged = told[: len(told) - MOST + 1]
    return (Purge(new.tenant, before=merged[-1].before), *told[len(merged) :])


def _says(purge: Purge, other: Purge) -> bool:
    pairs = ((purge.user, other.user), (purge.model, other.model), (purge.prefix, other.prefix))
    return (purge.before or 0) >= (other.before or 0) and all(mine is None or mine == its for mine, its in pairs)
