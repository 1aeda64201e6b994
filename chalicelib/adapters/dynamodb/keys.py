"""Keys and tenants, one item each; plans, each an attribute of one item, so that all of them are one read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import balances, held, saved
from chalicelib.adapters.dynamodb.shards import accounts
from chalicelib.adapters.dynamodb.table import (
    BY_PLAN,
    BY_TENANT,
    PLAN_PREFIX,
    PLANS,
    Attributes,
    identity,
    key_item,
    key_key,
    tagged_tenant_key,
    tenant_item,
    tenant_key,
)
from chalicelib.adapters.dynamodb.trail import noted
from chalicelib.adapters.dynamodb.transact import Refusals
from chalicelib.domain.budget import WINDOWS, Balances, Plan, Subject, Window
from chalicelib.domain.errors import Conflict, NotFound, StoreBusy
from chalicelib.domain.identity import Key, Tenant, tenant_tag, user_tag
from chalicelib.domain.trail import Event
from chalicelib.domain.usage import Use, Uses
from chalicelib.ports.trail import NoteOfKey, NoteOfTenant

_TRIES: Final = 12  # against writers of the same key
_READ: Final = 100  # what one BatchGetItem takes

_key = msgspec.json.Decoder(Key)
_plan = msgspec.json.Decoder(Plan)
_tenant = msgspec.json.Decoder(Tenant)

Change = tuple[Attributes, Event | None]
"""An item as it is to be, and the event of that."""


class DynamoKeys:
    """`Keys` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: Key, note: Event | None = None) -> None:
        """One write; an equal key was put by a reply that got lost, or before there were these indexes."""
        item = key_item(key)
        refusals = self._put(item, "attribute_not_exists(pk) OR body = :body", {":body": item["body"]}, note)
        found = refusals[0].item if refusals else item
        if found is None or key_of(found) != key:
            raise Conflict(f"A key with id '{key.key_id}' exists already.")

    def get(self, key_id: str) -> Key | None:
        """One GetItem."""
        item = self._get(key_key(key_id))
        return key_of(item) if item else None

    def list(self, tenant: str, user: str | None, *, after: str | None, limit: int) -> tuple[Sequence[Key], bool]:
        """One Query for the ids and one BatchGetItem for the keys: the index may lag behind a revocation."""
        ids = self._ids(tenant, user, after or "", limit + 1)
        access, keys = self._database.tables.access, [{"pk": pk} for pk in ids[:limit]]
        found = batch.read(self._database, {access: keys}) if keys else {}
        items = (found.get((access, *identity(key))) for key in keys)
        return [key_of(item) for item in items if item], len(ids) > limit

    def revoke(self, key_id: str, at: int, note: NoteOfKey | None = None) -> Key:
        """One GetItem and one write."""

        def ended(key: Key) -> Key:
            return key if key.revoked_at is not None else msgspec.structs.replace(key, revoked_at=at)

        return self._change(key_id, ended, note)

    def expire(self, key_id: str, at: int, note: NoteOfKey | None = None) -> Key:
        """One GetItem and one write."""

        def earlier(key: Key) -> Key:
            return msgspec.structs.replace(key, expires_at=at if key.expires_at is None else min(key.expires_at, at))

        return self._change(key_id, earlier, note)

    def put_plan(self, plan: Plan, note: Event | None = None) -> None:
        """One update of the plan's own attribute: parallel writers of other plans do not meet."""
        request = self._of_plan(plan.name, "SET #plan = :plan")
        request["ExpressionAttributeValues"] = {":plan": {"S": msgspec.json.encode(plan).decode()}}
        noted(self._database, {"Update": request}, note)

    def plans(self) -> dict[str, Plan]:
        """One GetItem."""
        return plans_of(self._get(PLANS) or {})

    def drop_plan(self, name: str, note: Event | None = None) -> None:
        """One update."""
        noted(self._database, {"Update": self._of_plan(name, "REMOVE #plan")}, note)

    def is_used(self, plan: str, now: float) -> bool:
        """One Query of the index."""
        request = {
            "TableName": self._database.tables.access,
            "IndexName": BY_PLAN,
            "KeyConditionExpression": "plan_name = :plan AND plan_until > :now",
            "ExpressionAttributeValues": {":plan": {"S": plan}, ":now": {"N": str(int(now))}},
            "Limit": 1,
        }
        return any(batch.query(self._database, request))

    def change_tenant(
        self, tenant: str, change: Callable[[Tenant], Tenant], note: NoteOfTenant | None = None
    ) -> Tenant:
        """One GetItem and one write."""

        def changed(item: Attributes | None) -> Change:
            old = tenant_of(item) if item else Tenant(tenant)
            new = change(old)
            return tenant_item(new), note and note(old, new)

        return tenant_of(self._replace(tenant_key(tenant), changed))

    def tenant(self, tenant: str) -> Tenant | None:
        """One GetItem."""
        return self.tagged_tenant(tenant_tag(tenant))

    def tagged_tenant(self, tag: str) -> Tenant | None:
        """One GetItem."""
        item = self._get(tagged_tenant_key(tag))
        return tenant_of(item) if item else None

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """One BatchGetItem, two where a subject is hot."""
        found = accounts(self._database, subjects)
        return balances({subject.kind: found[subject] for subject in subjects}, now)

    def uses(self, subjects: Sequence[Subject], now: float) -> Uses:
        """One BatchGetItem for each hundred, and one for the shards of those that are hot."""
        found = accounts(self._database, subjects)
        return {subject: _uses_of(subject, found[subject], now) for subject in subjects}

    def _ids(self, tenant: str, user: str | None, after: str, limit: int) -> Sequence[dict[str, Any]]:
        """Partition keys of a tenant's keys, which begin with the tags of their owners."""
        owner = tenant_tag(tenant) + (user_tag(tenant, user) if user is not None else "")
        first, last = max(f"key#{owner}", f"key#{after}\x00"), f"key#{owner}~"
        request: dict[str, Any] = {
            "TableName": self._database.tables.access,
            "IndexName": BY_TENANT,
            "KeyConditionExpression": "tenant_tag = :tag AND pk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":tag": {"S": tenant_tag(tenant)},
                ":first": {"S": first},
                ":last": {"S": last},
            },
            "Limit": limit,
        }
        found = batch.query(self._database, request) if first <= last else iter(())
        return [item["pk"] for item in islice(found, limit)]

    def _change(self, key_id: str, change: Callable[[Key], Key], note: NoteOfKey | None) -> Key:
        def changed(item: Attributes | None) -> Change:
            if item is None:
                raise NotFound("key", key_id)
            new = change(key_of(item))
            return key_item(new), note and note(new)

        return key_of(self._replace(key_key(key_id), changed))

    def _replace(self, key: Attributes, change: Callable[[Attributes | None], Change]) -> Attributes:
        """Write what `change` makes of an item, again where somebody else changed it meanwhile."""
        for attempt in range(1, _TRIES + 1):
            old = self._get(key)
            new, note = change(old)
            values = {":new": new["body"], **({":old": old["body"]} if old else {})}
            condition = "body IN (:old, :new)" if old else "attribute_not_exists(pk) OR body = :new"
            if new == old or not self._put(new, condition, values, note):
                return new
            self._database.pause(attempt)
        raise StoreBusy("the record was changed each time")

    def _put(self, item: Attributes, condition: str, values: Attributes, note: Event | None) -> Refusals:
        """Write an item on a condition, with the event of that."""
        put = {
            "TableName": self._database.tables.access,
            "Item": item,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return noted(self._database, {"Put": put}, note)

    def _of_plan(self, name: str, expression: str) -> dict[str, Any]:
        """An update of a plan's attribute."""
        return {
            "TableName": self._database.tables.access,
            "Key": PLANS,
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#plan": PLAN_PREFIX + name},
        }

    def _get(self, key: Attributes) -> Attributes | None:
        request = {"TableName": self._database.tables.access, "Key": key, "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return item


def key_of(item: Attributes) -> Key:
    """The key in an item."""
    return _key.decode(item["body"]["S"])


def tenant_of(item: Attributes) -> Tenant:
    """The tenant's record in an item."""
    return _tenant.decode(item["body"]["S"])


def plans_of(item: Attributes) -> dict[str, Plan]:
    """The plans in the one item that holds them all."""
    return {
        name.removeprefix(PLAN_PREFIX): _plan.decode(value["S"])
        for name, value in item.items()
        if name.startswith(PLAN_PREFIX)
    }


def _uses_of(subject: Subject, item: Attributes, now: float) -> dict[Window, Use]:
    used = balances({subject.kind: item}, now)
    return {window: Use(used[subject.kind, window], held(item), saved(item, window, now)) for window in WINDOWS}
