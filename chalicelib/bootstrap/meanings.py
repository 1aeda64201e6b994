"""What the semantic tier is made of; numpy and what loads with it come with the first look-up."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from chalicelib.adapters.verifier.version import version
from chalicelib.domain.budget import CacheMode
from chalicelib.domain.entries import Entry
from chalicelib.domain.identity import Pepperbox
from chalicelib.domain.lessons import Ruling
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Bound, Calibration, Knobs
from chalicelib.pipeline.cache import Meanings, SemanticTier
from chalicelib.pipeline.fits import Fits
from chalicelib.pipeline.review import Review
from chalicelib.ports import Embedder, Keeper, Offer, VectorIndex
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database
    from chalicelib.adapters.dynamodb.decisions import DynamoDecisions
    from chalicelib.adapters.dynamodb.entries import DynamoEntries
    from chalicelib.adapters.vectors.flat import FlatIndex

MILLISECONDS: Final = 1_000
MB: Final = 1024 * 1024


def semantic_tier(settings: Settings, database: Database, embedder: Callable[[str], Embedder]) -> SemanticTier:
    """The tier as `settings` say, not yet loaded."""

    @cache
    def meanings() -> Meanings:
        from chalicelib.adapters.dynamodb.decisions import DynamoDecisions
        from chalicelib.adapters.embedders.word_vectors import WordVectors
        from chalicelib.adapters.verifier.judge import ShippedJudge

        decisions = DynamoDecisions(database)
        index, keeper = _index(settings, database, decisions)
        return Meanings(embedder(settings.embedder), index, ShippedJudge(WordVectors()), keeper, decisions)

    return SemanticTier(
        mode=cast("CacheMode", settings.semantic),
        embedder=settings.embedder,
        knobs=Knobs(Bound(settings.max_error), settings.check_rate),
        within_seconds=settings.semantic_ms / MILLISECONDS,
        meanings=meanings,
        fits=Fits(settings.embedder, version()),
        draw=random.random,
    )


def open_review(database: Database, semantic: SemanticTier, peppers: Pepperbox, catalogue: Offer) -> Review:
    """What explains, corrects and purges; the index comes with the first look-up, or with what asks for it here."""
    from chalicelib.adapters.dynamodb.decisions import DynamoDecisions
    from chalicelib.adapters.dynamodb.lessons import DynamoLessons

    def untaught() -> Calibration:
        from chalicelib.adapters.verifier.judge import untaught_fit

        return untaught_fit()

    return Review(
        decisions=DynamoDecisions(database),
        lessons=DynamoLessons(database),
        index=lambda: semantic.meanings().index,
        peppers=peppers,
        mode=semantic.mode,
        bound=semantic.knobs.bound,
        namespace=semantic.fits.namespace,
        untaught=untaught,
        catalogue=catalogue,
    )


def open_index(settings: Settings, database: Database) -> VectorIndex:
    """The index alone, as what runs on a schedule needs it."""
    from chalicelib.adapters.dynamodb.decisions import DynamoDecisions

    return _index(settings, database, DynamoDecisions(database))[0]


def _index(settings: Settings, database: Database, decisions: DynamoDecisions) -> tuple[VectorIndex, Keeper]:
    if settings.opensearch:
        from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
        from chalicelib.adapters.vectors.opensearch_engine import Engine, place

        address = _address(settings.opensearch)
        uri = address if "+" in address else f"opensearch+{address}"
        found = OpenSearchIndex(Engine(place(uri), clock=time.monotonic), f"tidegate-{settings.stage}")
        return found, _Beside(decisions, found)
    from chalicelib.adapters.dynamodb.entries import DynamoEntries
    from chalicelib.adapters.vectors.flat import FlatIndex

    log = DynamoEntries(database)
    flat = FlatIndex(log, clock=time.monotonic, most_bytes=settings.index_mb * MB)
    return flat, _Together(log, flat, decisions)


def _address(said: str) -> str:
    """Where OpenSearch is: as it is said, or as the parameter says that is named."""
    if not said.startswith("ssm:"):
        return said
    from chalicelib.adapters.secrets.stored import open_secret

    return open_secret(said).read()


class _Together:
    """`Keeper` in one write, which the index in this process then knows of."""

    def __init__(self, log: DynamoEntries, index: FlatIndex, decisions: DynamoDecisions) -> None:
        self._log = log
        self._index = index
        self._decisions = decisions

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, ruling: Ruling | None, now: float) -> bool:
        """All or nothing; an answer whose question is too long to be found by its meaning is kept without an entry."""
        item = self._log.item(entry, now)
        if item is None:
            return self._decisions.store(key, answer, ruling)
        beside = [] if ruling is None else self._decisions.keeping(ruling)
        if kept := self._log.store(key, answer, entry, item, beside):
            self._index.note(entry, now)
            self._decisions.kept(ruling)
        return kept


class _Beside:
    """`Keeper` of an answer here and its entry in another store: an entry without its answer is no hit."""

    def __init__(self, decisions: DynamoDecisions, index: VectorIndex) -> None:
        self._decisions = decisions
        self._index = index

    def keep(self, key: str, answer: CachedAnswer, entry: Entry, ruling: Ruling | None, now: float) -> bool:
        """The answer first."""
        if kept := self._decisions.store(key, answer, ruling):
            self._index.add([entry], now)
        return kept
