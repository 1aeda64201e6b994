"""The actions that a reservation's transactions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chalicelib.adapters.dynamodb.answers import lead_item
from chalicelib.adapters.dynamodb.bodies import Packed
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import adding, amounts, conditional, is_window, kept, limited, spending, within
from chalicelib.adapters.dynamodb.shards import OPEN_TO, OPENED, home, is_hot, minute_of
from chalicelib.adapters.dynamodb.table import Attributes, head_key, lease_key, turn_key
from chalicelib.adapters.dynamodb.transact import Action
from chalicelib.adapters.dynamodb.turn_items import put_turn
from chalicelib.domain.conversation import Turn
from chalicelib.domain.lead import Lead
from chalicelib.domain.ledger import Demand, Step, counts, opening, owner_of
from chalicelib.domain.turn import LeaseState, Reservation

RECORD: Final = 0  # its place in every transaction


def recording(database: Database, item: Attributes) -> Action:
    """The record is new."""
    put = {
        "TableName": database.tables.ledger,
        "Item": item,
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {"Put": put}


def moving(database: Database, turn_id: str, before: LeaseState, after: LeaseState) -> Action:
    """The record goes from one state to another, and leaves the open leases for good."""
    update = {
        "TableName": database.tables.ledger,
        "Key": lease_key(turn_id),
        "UpdateExpression": "SET #state = :after REMOVE lease_shard, lease_until",
        "ConditionExpression": "#state = :before",
        "ExpressionAttributeNames": {"#state": "state"},
        "ExpressionAttributeValues": {":after": {"S": after}, ":before": {"S": before}},
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return {"Update": update}


def counting(database: Database, reservation: Reservation, step: Step) -> list[Action]:
    """An update for each subject that the step changes anything for."""
    table, now = database.tables.ledger, reservation.made_at
    added = (
        (subject, amounts(step, subject, now, leased=is_hot(reservation, subject))) for subject in reservation.subjects
    )
    return [adding(table, home(reservation, subject), changes) for subject, changes in added if changes]


def charging(
    database: Database, reservation: Reservation, wanted: Sequence[Demand], outdated: Sequence[Sequence[str]]
) -> list[Action]:
    """An update for each subject on condition that its limits, or its shard's room, admit it; `outdated` ones go.

    Neither holds where others must be asked: the root that leased the room, or shards whose limits it would pass.
    """
    actions = counting(database, reservation, opening(reservation))
    for action, subject, old in zip(actions, reservation.subjects, outdated, strict=False):
        if is_hot(reservation, subject):
            asked = amounts(opening(reservation), subject, reservation.made_at)
            rooms = spending(action, {name: amount for name, amount in asked.items() if is_window(name)})
            action["Update"]["ExpressionAttributeValues"] |= minute_of(reservation)
            conditional(action, [f"{OPENED} = :opened", *rooms])
        else:
            mine = [demand for demand in wanted if demand.limit.subject == subject.kind]
            limited(action, mine, kept(old, reservation.made_at))
            conditional(action, [f"attribute_not_exists({OPEN_TO})"])
        if subject.kind == "key" and reservation.concurrent is not None and counts(reservation):
            within(action, reservation.concurrent)
    return actions


def beginning(database: Database, reservation: Reservation, packed: Packed | None) -> list[Action]:
    """The conversation takes the turn as its next one."""
    if packed is None:
        return []
    head = {
        "TableName": database.tables.conversations,
        "Key": head_key(str(reservation.conversation)),
        "UpdateExpression": "SET #last = :number, last_id = :id",
        "ConditionExpression": "#owner = :owner AND #last < :number",
        "ExpressionAttributeNames": {"#owner": "owner", "#last": "last"},
        "ExpressionAttributeValues": {
            ":owner": {"S": owner_of(reservation.subjects)},
            ":number": {"N": str(packed.number)},
            ":id": {"S": reservation.turn_id},
        },
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    return [{"Update": head}, put_turn(database, packed, "attribute_not_exists(pk)", {})]


def leading(database: Database, lead: Lead | None) -> list[Action]:
    """The turn leads, unless another does or the answer is there."""
    if lead is None:
        return []
    put = {
        "TableName": database.tables.answers,
        "Item": lead_item(lead),
        "ConditionExpression": "attribute_not_exists(pk) OR #ttl <= :now",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": {":now": {"N": str(lead.since)}},
    }
    return [{"Put": put}]


def ending(database: Database, packed: Packed | None, removed: frozenset[int]) -> list[Action]:
    """The turn is written as it ended, unless it was edited or deleted since `removed` was seen."""
    if packed is None:
        return []
    values: Attributes = {":id": packed.item["turn_id"]}
    if not removed:
        condition = "turn_id = :id AND attribute_not_exists(removed)"
    else:
        condition = "turn_id = :id AND removed = :removed"
        values[":removed"] = packed.item["removed"]
    return [put_turn(database, packed, condition, values)]


def forgetting(database: Database, conversation_id: str, turn: Turn) -> Action:
    """The turn is deleted, unless another has its number."""
    delete = {
        "TableName": database.tables.conversations,
        "Key": turn_key(conversation_id, turn.number),
        "ConditionExpression": "attribute_not_exists(pk) OR turn_id = :id",
        "ExpressionAttributeValues": {":id": {"S": turn.id}},
    }
    return {"Delete": delete}
