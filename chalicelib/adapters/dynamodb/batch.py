"""Reading and writing many items in one round trip, asking again for what DynamoDB left over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import Attributes, identity
from chalicelib.domain.errors import StoreUnavailable

ROUNDS: Final = 5
_WRITES: Final = 25  # what one BatchWriteItem takes

Found = dict[tuple[str, str, str], Attributes]
"""Items by table, pk and sk."""


def read(database: Database, wanted: dict[str, list[Attributes]]) -> Found:
    """The items that exist among `wanted` (keys by table), each read consistently."""
    found: Found = {}
    pending: dict[str, Any] = {table: {"Keys": keys, "ConsistentRead": True} for table, keys in wanted.items() if keys}
    for attempt in range(1, ROUNDS + 1):
        reply = database.call("batch_get_item", {"RequestItems": pending})
        for table, items in reply["Responses"].items():
            found.update({(table, *identity(item)): item for item in items})
        pending = reply.get("UnprocessedKeys") or {}
        if not pending:
            return found
        database.pause(attempt)
    raise StoreUnavailable("DynamoDB left keys unread")


def put(database: Database, table: str, items: Sequence[Attributes]) -> None:
    """Write the items one by one, in no order."""
    _write(database, table, [{"PutRequest": {"Item": item}} for item in items])


def delete(database: Database, table: str, keys: Sequence[Attributes]) -> None:
    """Delete the items one by one, in no order."""
    _write(database, table, [{"DeleteRequest": {"Key": key}} for key in keys])


def query(database: Database, request: dict[str, Any]) -> Iterator[Attributes]:
    """Every item that a Query finds, a page at a time as they are asked for."""
    while True:
        reply = database.call("query", request)
        yield from reply["Items"]
        if "LastEvaluatedKey" not in reply:
            return
        request = {**request, "ExclusiveStartKey": reply["LastEvaluatedKey"]}


def _write(database: Database, table: str, requests: list[dict[str, Any]]) -> None:
    pending = requests
    rounds_left = ROUNDS
    while pending:
        reply = database.call("batch_write_item", {"RequestItems": {table: pending[:_WRITES]}})
        left_over = (reply.get("UnprocessedItems") or {}).get(table, [])
        pending = [*left_over, *pending[_WRITES:]]
        if left_over:
            rounds_left -= 1
            if not rounds_left:
                raise StoreUnavailable("DynamoDB left items unwritten")
            database.pause(ROUNDS - rounds_left)
