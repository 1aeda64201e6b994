"""What removes a user: where its record is, and where what it removes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.pipeline.cache import SemanticTier
from chalicelib.pipeline.erasure import Eraser
from chalicelib.ports import Keys
from chalicelib.ports.erasures import Erasures

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database


def open_eraser(database: Database, keys: Keys, semantic: SemanticTier, expel: Callable[[str], int]) -> Eraser:
    """No call is made yet; the index of meanings comes with the first look."""
    from chalicelib.adapters.dynamodb.belongings import DynamoBelongings
    from chalicelib.adapters.dynamodb.decisions import DynamoDecisions

    return Eraser(
        erasures=open_erasures(database),
        belongings=DynamoBelongings(database),
        keys=keys,
        decisions=DynamoDecisions(database),
        index=lambda: semantic.meanings().index,
        expel=expel,
        clock=time.time,
    )


def open_erasures(database: Database) -> Erasures:
    """The records alone."""
    from chalicelib.adapters.dynamodb.erasures import DynamoErasures

    return DynamoErasures(database)
