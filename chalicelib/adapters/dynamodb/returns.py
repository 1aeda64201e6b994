"""How many jobs were put back into the line, counted by the minute: rows that go by themselves, a few side by side.

Counting is no part of putting back: a reply that gets lost may count twice, and a row that is hot may miss some.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.job_items import number, returns_key
from chalicelib.adapters.dynamodb.table import identity

SHARDS: Final = 4  # a row takes a thousand writes a second
_MINUTES_KEPT: Final = 60


def count_return(database: Database, now: float) -> None:
    """One UpdateItem."""
    minute = int(now) // 60
    request = {
        "TableName": database.tables.jobs,
        "Key": returns_key(int(now * 1_000) % SHARDS, minute),
        "UpdateExpression": "SET #ttl = :ttl ADD returned :one",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":one": number(1), ":ttl": number((minute + _MINUTES_KEPT) * 60)},
    }
    database.call("update_item", request)


def returns_in(database: Database, minutes: Sequence[int]) -> list[int]:
    """One BatchGetItem."""
    table = database.tables.jobs
    keys = {minute: [returns_key(shard, minute) for shard in range(SHARDS)] for minute in minutes}
    found = batch.read(database, {table: [key for each in keys.values() for key in each]})
    rows = {minute: [found.get((table, *identity(key))) for key in each] for minute, each in keys.items()}
    return [sum(int(row["returned"]["N"]) for row in rows[minute] if row) for minute in minutes]
