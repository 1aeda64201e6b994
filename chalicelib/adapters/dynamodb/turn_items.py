"""A conversation's turns in its partition: reading them in order, and keeping parts and items together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.bodies import Packed, Torn, unpack
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import Attributes, after_turn, head_key, primary, turn_key, turn_sk
from chalicelib.adapters.dynamodb.transact import write
from chalicelib.domain.conversation import Turn
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.ports import TurnPage

_PAGE: Final = 32  # items a Query reads where the reader names no limit: it may stop after any turn
_READINGS: Final = 5  # of a turn that is replaced each time


def read_page(database: Database, conversation_id: str, page: TurnPage) -> Iterator[Turn]:
    """The page's turns, each of them whole, read as they are asked for."""
    forward = page.order == "asc"
    first = turn_sk(page.start if forward else 0)
    last = after_turn(page.start if page.start and not forward else None)
    request = _query(database, conversation_id, first, last)
    request |= {"ScanIndexForward": forward, "Limit": page.limit or _PAGE}
    for turn in unpack(batch.query(database, request)):
        yield turn if isinstance(turn, Turn) else _again(database, conversation_id, turn.number)


def read_one(database: Database, conversation_id: str, number: int) -> Turn | None:
    """One turn, whole; one whose parts are gone for good is cut, so that the others can still be read."""
    for attempt in range(1, _READINGS + 1):
        request = _query(database, conversation_id, turn_sk(number), after_turn(number))
        turn = next(unpack(batch.query(database, request)), None)
        if not isinstance(turn, Torn):
            return turn
        database.pause(attempt)
    item = get_item(database, turn_key(conversation_id, number))
    return Turn(id=item["turn_id"]["S"], number=number, created_at=0, items=(), state="cut") if item else None


def get_item(database: Database, key: Attributes) -> Attributes | None:
    """The head or turn with that key, read consistently."""
    request = {"TableName": database.tables.conversations, "Key": key, "ConsistentRead": True}
    item: Attributes | None = database.call("get_item", request).get("Item")
    return item


def put_parts(database: Database, packed: Packed, *, until: int | None = None) -> None:
    """Write the parts of a body, which nobody reads before the turn's item names them; they go `until` then."""
    ending = {} if until is None else {"ttl": {"N": str(until)}}
    batch.put(database, database.tables.conversations, [part | ending for part in packed.parts])


def keep_parts(database: Database, keys: Sequence[Attributes]) -> None:
    """Parts that were to go by themselves stay."""
    for key in keys:
        update = {
            "TableName": database.tables.conversations,
            "Key": key,
            "UpdateExpression": "REMOVE #ttl",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
        }
        write(database, [{"Update": update}])


def drop_parts(database: Database, packed: Packed) -> None:
    """Take back parts that no item came to name, unless a repetition of the same write did."""
    if not packed.parts:
        return
    item = get_item(database, primary(packed.item))
    if item is None or item["digest"] != packed.item["digest"]:
        batch.delete(database, database.tables.conversations, [primary(part) for part in packed.parts])


def drop_stale_parts(database: Database, conversation_id: str, number: int) -> None:
    """Delete the parts of all bodies that the turn had before, or every part where the turn is gone."""
    request = _query(database, conversation_id, turn_sk(number), after_turn(number))
    request |= {"ProjectionExpression": "pk, sk, turn_id, digest"}
    items = list(batch.query(database, request))
    named = [f"#{item['turn_id']['S']}#{item['digest']['S']}#" for item in items if "digest" in item]
    stale = [
        primary(item) for item in items if "digest" not in item and not any(name in item["sk"]["S"] for name in named)
    ]
    batch.delete(database, database.tables.conversations, stale)


def drop_everything(database: Database, conversation_id: str) -> None:
    """Delete all of a conversation that no longer takes any turns, the head last."""
    drop_turns(database, conversation_id)
    batch.delete(database, database.tables.conversations, [head_key(conversation_id)])


def drop_turns(database: Database, conversation_id: str) -> int:
    """Delete all turns and parts of a conversation that no longer takes any; how many items that were."""
    request = _query(database, conversation_id, turn_sk(0), after_turn())
    request |= {"ProjectionExpression": "pk, sk"}
    dropped = 0
    while keys := list(batch.query(database, request)):  # a settlement may have added parts meanwhile
        batch.delete(database, database.tables.conversations, keys)
        dropped += len(keys)
    return dropped


def put_turn(database: Database, packed: Packed, condition: str, values: Attributes) -> dict[str, Any]:
    """The action that writes a turn's item on a condition."""
    put: dict[str, Any] = {
        "TableName": database.tables.conversations,
        "Item": packed.item,
        "ConditionExpression": condition,
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {"Put": put | ({"ExpressionAttributeValues": values} if values else {})}


def _again(database: Database, conversation_id: str, number: int) -> Turn:
    turn = read_one(database, conversation_id, number)
    if turn is None:
        raise StoreUnavailable(f"turn {number} was deleted while it was read")
    return turn


def _query(database: Database, conversation_id: str, first: str, last: str) -> dict[str, Any]:
    return {
        "TableName": database.tables.conversations,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":pk": {"S": conversation_id},
            ":first": {"S": first},
            ":last": {"S": last},
        },
        "ConsistentRead": True,
    }
