"""What learns from the semantic cache's decisions, by itself: it needs no secret and no model."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.bootstrap.meanings import open_index
from chalicelib.domain.verdicts import Bound
from chalicelib.pipeline.refit import Refitter
from chalicelib.ports import Comparison
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database
    from chalicelib.domain.semantic.calibration import Prior


def open_refitter(settings: Settings, database: Database) -> Refitter:
    """Answers are compared with the offline embedder, whatever embeds the questions."""
    from chalicelib.adapters.dynamodb.lessons import DynamoLessons

    return Refitter(
        lessons=DynamoLessons(database),
        comparison=_comparison,
        prior=_prior,
        bound=Bound(settings.max_error),
        index=open_index(settings, database),
        clock=time.time,
    )


@cache
def _comparison() -> Comparison:
    from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
    from chalicelib.adapters.verifier.comparison import ShippedComparison

    return ShippedComparison(WordLlamaEmbedder())


def _prior() -> Prior:
    from chalicelib.adapters.verifier.weights import load

    return load().prior
