"""Who used what: which stores are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.pipeline.accounts import Accounts
from chalicelib.pipeline.lane import Lane
from chalicelib.ports import Keys

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database


def open_accounts(database: Database, keys: Keys, lane: Lane) -> Accounts:
    """The reports over what the ledger and the line know."""
    from chalicelib.adapters.dynamodb.history import DynamoUsageHistory

    return Accounts(keys, DynamoUsageHistory(database), lane.jobs)
