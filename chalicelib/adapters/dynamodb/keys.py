"""Keys, one item each; plans, each an attribute of one item, so that all of them are one read."""

from __future__ import annotations

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import balances
from chalicelib.adapters.dynamodb.table import (
    PLAN_PREFIX,
    PLANS,
    Attributes,
    identity,
    key_key,
    subject_key,
)
from chalicelib.adapters.dynamodb.transact import write
from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.errors import Conflict
from chalicelib.domain.identity import Key

_key = msgspec.json.Decoder(Key)
_plan = msgspec.json.Decoder(Plan)


class DynamoKeys:
    """`Keys` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: Key) -> None:
        """One PutItem; a key that is there already and equal was put by a reply that got lost."""
        item = {
            **key_key(key.key_id),
            "body": {"S": msgspec.json.encode(key, order="deterministic").decode()},
        }
        request = {
            "TableName": self._database.tables.access,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        refusals = write(self._database, [{"Put": request}])
        if refusals and refusals[0].item != item:
            raise Conflict(f"A key with id '{key.key_id}' exists already.")

    def get(self, key_id: str) -> Key | None:
        """One GetItem."""
        item = self._get(key_key(key_id))
        return key_of(item) if item else None

    def put_plan(self, plan: Plan) -> None:
        """One UpdateItem of the plan's own attribute: parallel writers of other plans do not meet."""
        request = {
            "TableName": self._database.tables.access,
            "Key": PLANS,
            "UpdateExpression": "SET #plan = :plan",
            "ExpressionAttributeNames": {"#plan": PLAN_PREFIX + plan.name},
            "ExpressionAttributeValues": {":plan": {"S": msgspec.json.encode(plan).decode()}},
        }
        write(self._database, [{"Update": request}])

    def plans(self) -> dict[str, Plan]:
        """One GetItem."""
        return plans_of(self._get(PLANS) or {})

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """One BatchGetItem."""
        ledger = self._database.tables.ledger
        keys = {subject.kind: subject_key(subject) for subject in subjects}
        found = batch.read(self._database, {ledger: list(keys.values())})
        return balances({kind: found.get((ledger, *identity(key)), {}) for kind, key in keys.items()}, now)

    def _get(self, key: Attributes) -> Attributes | None:
        request = {"TableName": self._database.tables.access, "Key": key, "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return item


def key_of(item: Attributes) -> Key:
    """The key in an item."""
    return _key.decode(item["body"]["S"])


def plans_of(item: Attributes) -> dict[str, Plan]:
    """The plans in the one item that holds them all."""
    return {
        name.removeprefix(PLAN_PREFIX): _plan.decode(value["S"])
        for name, value in item.items()
        if name.startswith(PLAN_PREFIX)
    }
