"""The log of entries that an index within the process follows: an item for each, in the order of their writing.

A scope's head counts its changes. A turn's opening read brings it along, and so knows whether there is anything new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from chalicelib.adapters.dynamodb import batch, transact
from chalicelib.adapters.dynamodb.answers import answer_item
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.entry_items import (
    entries_key,
    entry_item,
    gone_item,
    is_entry_of,
    scope_head_key,
    scope_heads_key,
    scope_of_head,
    stretch_of,
    written_ms,
    written_sk,
)
from chalicelib.adapters.dynamodb.table import Attributes, primary
from chalicelib.domain.entries import AnswerScope, Entry, Gone, Purge, Stretch
from chalicelib.domain.turn import CachedAnswer

PAGE_ITEMS: Final = 1_000  # what one lookup loads at least: some 40 ms
OVERLAP_MS: Final = 10_000  # how far clocks differ, and writes overtake each other
HEAD_SECONDS: Final = 366 * 86_400  # longer than any entry lives

_UNPURGED: Final = "attribute_not_exists(purged) OR purged < :created"


class DynamoEntries:
    """`EntryLog` over DynamoDB, and the write that keeps an answer together with its entry."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.tables.entries

    def item(self, entry: Entry, now: float) -> Attributes | None:
        """What `store` keeps of an entry; None where it is too large, or its vector is all zeros."""
        return entry_item(entry, now)

    def store(
        self, key: str, answer: CachedAnswer, entry: Entry, item: Attributes, beside: Sequence[transact.Action] = ()
    ) -> bool:
        """Keep an answer and its entry, with what else is `beside`, all or nothing, in one round trip; whether it was.

        `item` is the entry's own. They are not kept where the answer is too large, nor where the scope was purged since
        the entry's question was asked.
        """
        answered = answer_item(key, answer)
        if answered is None:
            return False
        moved = self._move(entry.scope, 1, written_ms(item) / 1000)
        moved["ConditionExpression"] = _UNPURGED
        moved["ExpressionAttributeValues"][":created"] = {"N": str(entry.created_at)}
        actions: list[transact.Action] = [
            {"Put": {"TableName": self._database.tables.answers, "Item": answered}},
            {"Put": {"TableName": self._table, "Item": item}},
            {"Update": moved},
            *beside,
        ]
        return not transact.write(self._database, actions)

    def mark(self, scope: AnswerScope) -> str:
        """One GetItem."""
        request = {"TableName": self._table, "Key": scope_head_key(scope), "ConsistentRead": True}
        return mark_of(scope, self._database.call("get_item", request).get("Item"))

    def newest(self, scope: AnswerScope) -> Iterator[Stretch]:
        """A Query for each thousand items."""
        return self._stretches(scope, 0, ScanIndexForward=False)

    def since(self, scope: AnswerScope, cursor: int) -> Iterator[Stretch]:
        """One Query for most changes."""
        return self._stretches(scope, max(cursor - OVERLAP_MS, 0))

    def append(self, entries: Sequence[Entry], now: float) -> Sequence[Entry]:
        """A BatchWriteItem for 25 entries, and an UpdateItem for each scope; all but those too large or all zeros."""
        written = [(entry, item) for entry in entries if (item := entry_item(entry, now))]
        batch.put(self._database, self._table, [item for _, item in written])
        for scope, changes in Counter(entry.scope for entry, _ in written).items():
            self._database.call("update_item", self._move(scope, changes, now))
        return [entry for entry, _ in written]

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """Reads the scope through: who asks for an id does not know when its entry was written."""
        wanted = set(ids)
        self._delete(scope, lambda item: is_entry_of(item, wanted, int(now)))
        self._tell(scope, Gone(int(now), tuple(sorted(wanted))), now)

    def purge(self, purge: Purge, now: float) -> int:
        """Reads the heads of the tenant's scopes, and through each scope that fits."""
        request = self._all_of(scope_heads_key(purge.tenant))
        scopes = [scope_of_head(head) for head in batch.query(self._database, request)]
        return sum(self._purge(scope, purge.before, now) for scope in scopes if purge.covers(scope))

    def _purge(self, scope: AnswerScope, before: int | None, now: float) -> int:
        """Says first what goes: an entry that is written meanwhile is not kept, or is gone for every reader."""
        until = int(now) if before is None else min(int(now), before - 1)
        self._tell(scope, Gone(until), now, purged=before is None)
        return self._delete(scope, lambda item: is_entry_of(item, None, until))

    def _tell(self, scope: AnswerScope, gone: Gone, now: float, *, purged: bool = False) -> None:
        batch.put(self._database, self._table, [gone_item(scope, gone, now)])
        moved = self._move(scope, 1, now)
        if purged:
            moved["UpdateExpression"] = moved["UpdateExpression"].replace("SET ", "SET purged = :purged, ")
            moved["ExpressionAttributeValues"][":purged"] = {"N": str(int(now))}
        self._database.call("update_item", moved)

    def _delete(self, scope: AnswerScope, is_meant: Callable[[Attributes], bool]) -> int:
        items = batch.query(self._database, self._all_of(entries_key(scope)))
        keys = [primary(item) for item in items if is_meant(item)]
        batch.delete(self._database, self._table, keys)
        return len(keys)

    def _stretches(self, scope: AnswerScope, from_ms: int, **order: Any) -> Iterator[Stretch]:
        request = self._all_of(entries_key(scope)) | {"Limit": PAGE_ITEMS} | order
        request["KeyConditionExpression"] += " AND sk >= :from"
        request["ExpressionAttributeValues"][":from"] = {"S": written_sk(from_ms)}
        while True:
            reply = self._database.call("query", request)
            if reply["Items"]:
                yield stretch_of(scope, reply["Items"])
            if "LastEvaluatedKey" not in reply:
                return
            request = {**request, "ExclusiveStartKey": reply["LastEvaluatedKey"]}

    def _all_of(self, partition: dict[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": partition},
            "ConsistentRead": True,
        }

    def _move(self, scope: AnswerScope, changes: int, now: float) -> dict[str, Any]:
        """The update of a scope's head; the first one makes it."""
        return {
            "TableName": self._table,
            "Key": scope_head_key(scope),
            "UpdateExpression": "SET label = :label, #ttl = :ttl ADD changes :changes",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":label": {"S": scope.label},
                ":ttl": {"N": str(int(now) + HEAD_SECONDS)},
                ":changes": {"N": str(changes)},
            },
        }


def mark_of(scope: AnswerScope, head: Attributes | None) -> str:
    """What a scope's head, as a turn's opening read finds it, says of the log."""
    return head["changes"]["N"] if head and head["label"] == {"S": scope.label} else ""
