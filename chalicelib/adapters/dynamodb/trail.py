"""The audit trail, in the table of what it tells of, so that one transaction writes the change and its event.

access         pk = event#<id>                 an event; in the GSI by-time, whose one partition is all of them
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.transact import Action, Refusals, write
from chalicelib.domain.errors import StoreBusy
from chalicelib.domain.trail import KEPT_SECONDS, Event, Found, Search, page_of

BY_TIME: Final = "by-time"
_TRAIL: Final = "event"
_PREFIX: Final = "event#"
_PAGE: Final = 200  # events in one reply of a Query
_event = msgspec.json.Decoder(Event)


class DynamoEvents:
    """`Events` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, event: Event) -> None:
        """One PutItem."""
        write(self._database, [_put(self._database, event)])

    def page(self, search: Search) -> Found:
        """One Query of the index for each 200 events that it looks through."""
        first, end = search.bounds
        if first >= end:  # DynamoDB refuses bounds that hold nothing
            return Found([])
        request: dict[str, Any] = {
            "TableName": self._database.tables.access,
            "IndexName": BY_TIME,
            "KeyConditionExpression": "trail = :trail AND pk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":trail": {"S": _TRAIL},
                ":first": {"S": _PREFIX + first},
                ":last": {"S": _PREFIX + end},
            },
            "ScanIndexForward": False,
            "Limit": _PAGE,
        }
        found = (_event.decode(item["body"]["S"]) for item in batch.query(self._database, request))
        return page_of((event for event in found if event.id < end), search)


def noted(database: Database, action: Action, note: Event | None) -> Refusals:
    """Write a change with its event, where it has one: both or neither."""
    refusals = write(database, [action] if note is None else [action, _put(database, note)])
    if refusals and 0 not in refusals:
        raise StoreBusy("another event has the id of this one")
    return refusals


def _put(database: Database, event: Event) -> Action:
    """An equal event is a repetition of the same write."""
    body = {"S": msgspec.json.encode(event, order="deterministic").decode()}
    item = {
        "pk": {"S": _PREFIX + event.id},
        "trail": {"S": _TRAIL},
        "body": body,
        "ttl": {"N": str(event.at + KEPT_SECONDS)},
    }
    return {
        "Put": {
            "TableName": database.tables.access,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk) OR body = :event",
            "ExpressionAttributeValues": {":event": body},
        }
    }
