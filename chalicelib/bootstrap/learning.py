"""What learns from the semantic cache's decisions, by itself: it needs no secret and no model."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from chalicelib.bootstrap.meanings import open_index
from chalicelib.domain.verdicts import Bound
from chalicelib.pipeline.refit import Refitter
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database


def open_refitter(settings: Settings, database: Database) -> Refitter:
    """Answers are compared with the offline embedder, whatever embeds the questions."""
    from chalicelib.adapters.dynamodb.lessons import DynamoLessons
    from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
    from chalicelib.adapters.verifier.comparison import ShippedComparison
    from chalicelib.adapters.verifier.weights import load

    return Refitter(
        lessons=DynamoLessons(database),
        comparison=ShippedComparison(WordLlamaEmbedder()),
        prior=load().prior,
        bound=Bound(settings.max_error),
        index=open_index(settings, database),
        clock=time.time,
    )
