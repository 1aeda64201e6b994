"""What all processes know of targets: a breaker's row for each, and a row for each minute of a quota."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.table import Attributes, breaker_key, identity, quota_key
from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota

_MINUTES_KEPT: Final = 10
_READ: Final = 100  # what one BatchGetItem takes

_breaker = msgspec.json.Decoder(Breaker)


class DynamoTargets:
    """`Targets` over the ledger's table; each call that changes something is one conditional write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def breakers(self, names: Sequence[str]) -> Mapping[str, Breaker]:
        """One BatchGetItem for each hundred."""
        table, found = self._database.tables.ledger, batch.Found()
        for start in range(0, len(names), _READ):
            found |= batch.read(self._database, {table: [breaker_key(name) for name in names[start:][:_READ]]})
        return {name: breaker_of(found.get((table, *identity(breaker_key(name))))) for name in names}

    def move(self, name: str, breaker: Breaker) -> Breaker:
        """A write that was repeated after its reply got lost finds its own row, and is told that it holds."""
        before = breaker.version - 1
        request: dict[str, Any] = {
            "TableName": self._database.tables.ledger,
            "Item": {
                **breaker_key(name),
                "version": {"N": str(breaker.version)},
                "body": {"S": msgspec.json.encode(breaker).decode()},
            },
            "ConditionExpression": "version = :before" if before else "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        if before:
            request["ExpressionAttributeValues"] = {":before": {"N": str(before)}}
        try:
            self._database.call("put_item", request)
        except Unmet as unmet:
            return breaker_of(unmet.item)
        return breaker

    def lease(self, name: str, minute: int, block: Block, quota: Quota) -> bool:
        """A write that was repeated after its reply got lost takes the block twice: the quota is then used less."""
        amounts = {"requests": block.requests, "tokens": block.tokens}
        most = {"requests": quota.requests_per_minute, "tokens": quota.tokens_per_minute}
        limited = {part: size for part, size in most.items() if size is not None}
        if any(amounts[part] > size for part, size in limited.items()):
            return False
        room = [f"(attribute_not_exists({part}) OR {part} <= :{part}_room)" for part in limited]
        request: dict[str, Any] = {
            "TableName": self._database.tables.ledger,
            "Key": quota_key(name, minute),
            "UpdateExpression": "ADD requests :requests, tokens :tokens SET #ttl = :ttl",
            "ConditionExpression": " AND ".join(room),
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":ttl": {"N": str((minute + _MINUTES_KEPT) * 60)},
                **{f":{part}": {"N": str(amount)} for part, amount in amounts.items()},
                **{f":{part}_room": {"N": str(size - amounts[part])} for part, size in limited.items()},
            },
        }
        if not room:
            return True
        try:
            self._database.call("update_item", request)
        except Unmet:
            return False
        return True


def breaker_of(item: Attributes | None) -> Breaker:
    """What a row says; a closed breaker where there is none."""
    return _breaker.decode(item["body"]["S"]) if item else Breaker()
