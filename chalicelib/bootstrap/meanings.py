"""What the semantic tier is made of; numpy and what loads with it come with the first look-up."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from chalicelib.domain.budget import CacheMode
from chalicelib.domain.entries import Entry
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Bound, Knobs
from chalicelib.pipeline.cache import Meanings, SemanticTier
from chalicelib.ports import Answers, Embedder, Keeper, VectorIndex
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database
    from chalicelib.adapters.dynamodb.entries import DynamoEntries
    from chalicelib.adapters.vectors.flat import FlatIndex

MILLISECONDS: Final = 1_000


def semantic_tier(
    settings: Settings, database: Database, answers: Answers, embedder: Callable[[str], Embedder]
) -> SemanticTier:
    """The tier as `settings` say, not yet loaded."""

    @cache
    def meanings() -> Meanings:
        from chalicelib.adapters.embedders.word_vectors import WordVectors
        from chalicelib.adapters.verifier.judge import ShippedJudge

        index, keeper = _index(settings, database, answers)
        return Meanings(embedder(settings.embedder), index, ShippedJudge(WordVectors()), keeper)

    return SemanticTier(
        mode=cast("CacheMode", settings.semantic),
        embedder=settings.embedder,
        knobs=Knobs(Bound(settings.max_error)),
        within_seconds=settings.semantic_ms / MILLISECONDS,
        meanings=meanings,
    )


def _index(settings: Settings, database: Database, answers: Answers) -> tuple[VectorIndex, Keeper]:
    if settings.opensearch:
        from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
        from chalicelib.adapters.vectors.opensearch_engine import Engine, place

        uri = settings.opensearch if "+" in settings.opensearch else f"opensearch+{settings.opensearch}"
        found = OpenSearchIndex(Engine(place(uri), clock=time.monotonic), f"tidegate-{settings.stage}")
        return found, _Beside(answers, found)
    from chalicelib.adapters.dynamodb.entries import DynamoEntries
    from chalicelib.adapters.vectors.flat import FlatIndex

    log = DynamoEntries(database)
    flat = FlatIndex(log, clock=time.monotonic)
    return flat, _Together(log, flat, answers)


class _Together:
    """`Keeper` in one write, which the index in this process then knows of."""

    def __init__(self, log: DynamoEntries, index: FlatIndex, answers: Answers) -> None:
        self._log = log
        self._index = index
        self._answers = answers

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, now: float) -> bool:
        """Both or neither; an answer whose question is too long to be found by its meaning is kept alone."""
        if not self._log.fits(entry, now):
            return self._answers.store(key, answer)
        if kept := self._log.store(key, answer, entry, now):
            self._index.note(entry, now)
        return kept


class _Beside:
    """`Keeper` of an answer here and its entry in another store: an entry without its answer is no hit."""

    def __init__(self, answers: Answers, index: VectorIndex) -> None:
        self._answers = answers
        self._index = index

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, now: float) -> bool:
        """The answer first."""
        if kept := self._answers.store(key, answer):
            self._index.add([entry], now)
        return kept
