"""Ending leases that ran out: the charge stays, since the model may have burned it; the turn is cut."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.bodies import parts_of
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.daybook import booking
from chalicelib.adapters.dynamodb.steps import RECORD, counting, moving
from chalicelib.adapters.dynamodb.table import (
    LEASE_SHARDS,
    LEASES,
    Attributes,
    claim_of,
    lease_key,
    turn_key,
)
from chalicelib.adapters.dynamodb.transact import Action, write
from chalicelib.adapters.dynamodb.turn_items import drop_stale_parts, keep_parts
from chalicelib.domain.daybook import told
from chalicelib.domain.ledger import closing


def expire(database: Database, before: float, limit: int) -> int:
    """End at most `limit` leases; those that somebody else ended meanwhile are not counted."""
    turn_ids = islice(_overdue(database, before), limit)
    return sum(_end(database, turn_id) for turn_id in turn_ids)


def _overdue(database: Database, before: float) -> Iterator[str]:
    for shard in LEASE_SHARDS:
        request = {
            "TableName": database.tables.ledger,
            "IndexName": LEASES,
            "KeyConditionExpression": "lease_shard = :shard AND lease_until < :before",
            "ExpressionAttributeValues": {":shard": {"S": shard}, ":before": {"N": str(before)}},
        }
        for item in batch.query(database, request):
            yield item["turn_id"]["S"]


def _end(database: Database, turn_id: str) -> bool:
    record = _record(database, turn_id)
    if record is None:
        return False
    claim = claim_of(record)
    step = closing(claim, "open", claim.charge)
    expired = [
        moving(database, turn_id, "open", "expired"),
        *counting(database, claim, step),
        *booking(database, claim, told(claim, "expired")),
    ]
    if "conversation" not in record:
        return not write(database, expired, shared=False)
    keep_parts(database, parts_of(record))
    refusals = write(database, [*expired, _cutting(database, record)], shared=False)
    if not refusals or RECORD in refusals:
        return not refusals
    drop_stale_parts(database, record["conversation"]["S"], int(record["number"]["N"]))
    return not write(database, expired, shared=False)


def _record(database: Database, turn_id: str) -> Attributes | None:
    """The reservation's record; the index, which may lag, does not say where the turn is."""
    request = {"TableName": database.tables.ledger, "Key": lease_key(turn_id), "ConsistentRead": True}
    item: Attributes | None = database.call("get_item", request).get("Item")
    return item if item and item["state"]["S"] == "open" else None


def _cutting(database: Database, record: Attributes) -> Action:
    update = {
        "TableName": database.tables.conversations,
        "Key": turn_key(record["conversation"]["S"], int(record["number"]["N"])),
        "UpdateExpression": "SET #state = :cut",
        "ConditionExpression": "turn_id = :id",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":cut": {"S": "cut"}, ":id": record["turn_id"]},
    }
    return {"Update": update}
