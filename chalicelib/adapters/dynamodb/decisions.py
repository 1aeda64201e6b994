"""The decisions of the semantic cache: an item for each, in the order of the turns, gone after a week."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from math import inf
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch, transact
from chalicelib.adapters.dynamodb.answers import answer_item, found_in
from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.decision_items import (
    IDLE_SECONDS,
    decision_key,
    feedback_item,
    floor_key,
    label,
    namespace_key,
    purges_in,
    purges_key,
    ruling_item,
    told_in,
)
from chalicelib.adapters.dynamodb.table import Attributes, answer_key, identity
from chalicelib.adapters.dynamodb.trail import noted
from chalicelib.domain.entries import Purge
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.lessons import Feedback, Found, Offer, Ruling, Search
from chalicelib.domain.purges import LONGEST_SECONDS, added, ended
from chalicelib.domain.trail import Event
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Namespace

MOST_EXAMINED: Final = 2_000  # items of one page: a megabyte
MOST_SEARCHED: Final = 2_000  # for a request's id, which anybody with a key may make up: 20 micro-USD
PAGE_ITEMS: Final = 500
_TRIES: Final = 5
_REMEMBERED: Final = 1_000
_LAST: Final = "~"  # behind every id


class DynamoDecisions:
    """`Decisions` over DynamoDB, and the actions by which one is kept together with an answer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.tables.entries
        self._shown: set[Namespace] = set()

    def store(self, key: str, answer: CachedAnswer, ruling: Ruling | None) -> bool:
        """Keep an answer and how it came to be asked for, in one round trip; whether they were kept."""
        item = answer_item(key, answer)
        if item is None:
            return False
        beside = [] if ruling is None else self.keeping(ruling)
        transact.write(self._database, [{"Put": {"TableName": self._database.tables.answers, "Item": item}}, *beside])
        self.kept(ruling)
        return True

    def put(self, ruling: Ruling) -> None:
        """One PutItem; a process's first one in a namespace shows that there is one."""
        transact.write(self._database, self.keeping(ruling))
        self.kept(ruling)

    def keeping(self, ruling: Ruling) -> list[transact.Action]:
        """The writes that keep a decision; once they are done, `kept` is to be told."""
        put: transact.Action = {"Put": {"TableName": self._table, "Item": ruling_item(ruling)}}
        return [put] if ruling.namespace in self._shown else [put, self._showing(ruling)]

    def kept(self, ruling: Ruling | None) -> None:
        """Remember that the namespace of a decision is shown."""
        if len(self._shown) >= _REMEMBERED:
            self._shown.clear()
        if ruling is not None:
            self._shown.add(ruling.namespace)

    def get(self, tenant: str, turn_id: str) -> Ruling | None:
        """One GetItem."""
        item = self._get(decision_key(tenant, turn_id))
        told = told_in(item) if item else None
        return told if isinstance(told, Ruling) else None

    def requested(self, tenant: str, request_id: str) -> Ruling | None:
        """Queries, a page of a few hundred decisions each."""
        request = self._newest(tenant, _LAST) | {"ProjectionExpression": "sk, request_id", "ConsistentRead": False}
        items = islice(batch.query(self._database, request), MOST_SEARCHED)
        found = next((item["sk"]["S"] for item in items if item.get("request_id") == {"S": request_id}), None)
        return self.get(tenant, found) if found else None

    def page(self, search: Search) -> Found:
        """Queries until the page is full or enough was looked through."""
        rulings: list[Ruling] = []
        items = batch.query(self._database, self._newest(search.tenant, search.before or _LAST))
        for examined, item in enumerate(items, start=1):
            told = told_in(item)
            if isinstance(told, Ruling) and search.admits(told):
                rulings.append(told)
            if len(rulings) == search.limit or examined == MOST_EXAMINED:
                return Found(tuple(rulings), item["sk"]["S"] if next(items, None) else None)
        return Found(tuple(rulings), None)

    def correct(self, feedback: Feedback) -> bool:
        """The decision gets the word, and the refit an item of its own: both or neither."""
        ruling = feedback.ruling
        update = {
            "TableName": self._table,
            "Key": decision_key(ruling.scope.tenant, ruling.id),
            "UpdateExpression": "SET correct = :correct",
            "ConditionExpression": "attribute_exists(pk) AND (attribute_not_exists(correct) OR correct <> :correct)",
            "ExpressionAttributeValues": {":correct": {"BOOL": bool(ruling.correct)}},
        }
        put = {"TableName": self._table, "Item": feedback_item(feedback)}
        return not transact.write(self._database, [{"Update": update}, {"Put": put}])

    def offer(self, key: str, now: float) -> Offer:
        """One BatchGetItem over two tables."""
        tables = self._database.tables
        wanted = {tables.answers: [answer_key(key)], tables.entries: [floor_key(key)]}
        found = batch.read(self._database, wanted)
        answer = found_in(found.get((tables.answers, key, "")), now)
        item = found.get((tables.entries, *identity(floor_key(key))))
        floor = float(item["floor"]["N"]) if item and int(item["ttl"]["N"]) > now else -inf
        return Offer(answer if isinstance(answer, CachedAnswer) else None, floor)

    def lift(self, key: str, floor: float, until: int) -> None:
        """One UpdateItem."""
        request = {
            "TableName": self._table,
            "Key": floor_key(key),
            "UpdateExpression": "SET floor = :floor, #ttl = :until",
            "ConditionExpression": "attribute_not_exists(floor) OR floor < :floor",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":floor": {"N": str(floor)}, ":until": {"N": str(until)}},
        }
        with suppress(Unmet):
            self._database.call("update_item", request)

    def drop(self, key: str) -> None:
        """One DeleteItem; who asks for the answer anew stays."""
        request = {
            "TableName": self._database.tables.answers,
            "Key": answer_key(key),
            "ConditionExpression": "attribute_not_exists(leader)",
        }
        with suppress(Unmet):
            self._database.call("delete_item", request)

    def forbid(self, purge: Purge, now: float, note: Event | None = None) -> None:
        """Read, and written where nobody else did meanwhile."""
        told = ended(purge, now)
        for attempt in range(1, _TRIES + 1):
            old = self._get(purges_key(purge.tenant))
            put = self._replacing(purge.tenant, old, added(purges_in(old), told, now), int(now))
            if not noted(self._database, put, note):
                return
            self._database.pause(attempt)
        raise StoreUnavailable("the purges of a tenant were changed each time")

    def _replacing(self, tenant: str, old: Attributes | None, purges: tuple[Purge, ...], now: int) -> transact.Action:
        item = {
            **purges_key(tenant),
            "purges": {"B": msgspec.msgpack.encode(purges)},
            "ttl": {"N": str(now + LONGEST_SECONDS)},
        }
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if old is not None:
            put |= {"ConditionExpression": "purges = :old", "ExpressionAttributeValues": {":old": old["purges"]}}
        return {"Put": put}

    def _showing(self, ruling: Ruling) -> transact.Action:
        update = {
            "TableName": self._table,
            "Key": namespace_key(ruling.namespace),
            "UpdateExpression": "SET label = :label, #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":label": label(ruling.namespace),
                ":ttl": {"N": str(ruling.at + IDLE_SECONDS)},
            },
        }
        return {"Update": update}

    def _newest(self, tenant: str, before: str) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk < :before",
            "ExpressionAttributeValues": {":pk": decision_key(tenant, "")["pk"], ":before": {"S": before}},
            "ScanIndexForward": False,
            "Limit": PAGE_ITEMS,
            "ConsistentRead": True,
        }

    def _get(self, key: Attributes) -> Attributes | None:
        request = {"TableName": self._table, "Key": key, "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return item
