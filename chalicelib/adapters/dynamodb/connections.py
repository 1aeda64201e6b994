"""Open connections over DynamoDB, in the table of jobs.

pk = conn#<connection>, sk = conn              a connection; in the GSI open-jobs until somebody is admitted on it
pk = key#<key id>, sk = conn#<connection>      that a connection is of a key, written before the connection says so
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final
from zlib import crc32

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.table import Attributes
from chalicelib.domain.identity import Credential
from chalicelib.domain.sockets import LIFE_SECONDS, Connection

_INDEX: Final = "open-jobs"
_SHARDS: Final = tuple(f"conn{shard}" for shard in range(4))
_KEPT_SECONDS: Final = LIFE_SECONDS + 600
_THERE: Final = "attribute_exists(pk)"


class DynamoConnections:
    """`Connections` over the table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, connection: Connection) -> None:
        """One PutItem."""
        shard = _SHARDS[crc32(connection.id.encode()) % len(_SHARDS)]
        opened = _number(connection.opened_at)
        index = {"open_shard": {"S": shard}, "open_since": opened}
        item = {"opened_at": opened, "messages": _number(0), "chats": {"M": {}}, "ttl": _ends(connection.opened_at)}
        self._call("put_item", Item={**_key(connection.id), **item, **index})

    def hear(self, connection_id: str) -> Connection | None:
        """One UpdateItem; one whose reply got lost counts twice."""
        change = "SET messages = messages + :one"
        try:
            reply = self._update(connection_id, change, _THERE, values={":one": _number(1)}, ReturnValues="ALL_NEW")
        except Unmet:
            return None
        return _connection(connection_id, reply["Attributes"])

    def admit(self, connection: Connection, credential: Credential) -> bool:
        """One PutItem and one UpdateItem."""
        since = {"opened_at": _number(connection.opened_at), "ttl": _ends(connection.opened_at)}
        self._call("put_item", Item={**_pointer(credential.key_id, connection.id), **since})
        change = "SET key_id = :key_id, digest = :digest REMOVE open_shard, open_since"
        values = {":key_id": {"S": credential.key_id}, ":digest": {"S": credential.digest}}
        try:
            self._update(connection.id, change, f"{_THERE} AND attribute_not_exists(key_id)", values=values)
        except Unmet as unmet:
            return unmet.item is not None and _credential(unmet.item) == credential
        return True

    def take(self, connection_id: str, chat: str, job: str, most: int) -> bool:
        """One UpdateItem."""
        condition = f"{_THERE} AND attribute_not_exists(chats.#chat) AND size(chats) < :most"
        values = {":job": {"S": job}, ":most": _number(most)}
        try:
            self._update(connection_id, "SET chats.#chat = :job", condition, values=values, names={"#chat": chat})
        except Unmet as unmet:
            return unmet.item is not None and unmet.item["chats"]["M"].get(chat) == {"S": job}
        return True

    def drop(self, connection_id: str, chat: str) -> None:
        """One UpdateItem."""
        try:
            self._update(connection_id, "REMOVE chats.#chat", _THERE, names={"#chat": chat})
        except Unmet:
            return

    def close(self, connection_id: str) -> None:
        """One DeleteItem, and one of its key's."""
        found = self._call("delete_item", Key=_key(connection_id), ReturnValues="ALL_OLD").get("Attributes", {})
        if "key_id" in found:
            self._call("delete_item", Key=_pointer(found["key_id"]["S"], connection_id))

    def of_key(self, key_id: str, since: float, limit: int) -> Sequence[str]:
        """A Query."""
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :conn)",
            "FilterExpression": "opened_at >= :since",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"key#{key_id}"},
                ":conn": {"S": "conn#"},
                ":since": _number(since),
            },
            "ConsistentRead": True,
        }
        found = batch.query(self._database, request)
        return [item["sk"]["S"].removeprefix("conn#") for item in islice(found, limit)]

    def strangers(self, before: float, limit: int) -> Sequence[str]:
        """A Query for each shard."""
        found = (item for shard in _SHARDS for item in self._unknown(shard, before, limit))
        return [item["pk"]["S"].removeprefix("conn#") for item in islice(found, limit)]

    def _unknown(self, shard: str, before: float, limit: int) -> list[Attributes]:
        request = {
            "TableName": self._table,
            "IndexName": _INDEX,
            "KeyConditionExpression": "open_shard = :shard AND open_since < :before",
            "ExpressionAttributeValues": {":shard": {"S": shard}, ":before": _number(before)},
        }
        return list(islice(batch.query(self._database, request), limit))

    @property
    def _table(self) -> str:
        return self._database.tables.jobs

    def _update(
        self,
        connection_id: str,
        change: str,
        condition: str,
        *,
        values: Attributes | None = None,
        names: dict[str, str] | None = None,
        **request: Any,
    ) -> dict[str, Any]:
        further = {"ExpressionAttributeValues": values} if values else {}
        named = {"ExpressionAttributeNames": names} if names else {}
        return self._call(
            "update_item",
            Key=_key(connection_id),
            UpdateExpression=change,
            ConditionExpression=condition,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
            **further,
            **named,
            **request,
        )

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._database.call(operation, {"TableName": self._table, **request})


def _connection(connection_id: str, item: Attributes) -> Connection:
    return Connection(
        id=connection_id,
        opened_at=float(item["opened_at"]["N"]),
        messages=int(item["messages"]["N"]),
        credential=_credential(item),
        chats={chat: job["S"] for chat, job in item["chats"]["M"].items()},
    )


def _credential(item: Attributes) -> Credential | None:
    return Credential(item["key_id"]["S"], "", item["digest"]["S"]) if "key_id" in item else None


def _key(connection_id: str) -> Attributes:
    return {"pk": {"S": f"conn#{connection_id}"}, "sk": {"S": "conn"}}


def _pointer(key_id: str, connection_id: str) -> Attributes:
    return {"pk": {"S": f"key#{key_id}"}, "sk": {"S": f"conn#{connection_id}"}}


def _ends(opened_at: float) -> dict[str, Any]:
    return _number(int(opened_at) + _KEPT_SECONDS)


def _number(value: float) -> dict[str, Any]:
    return {"N": str(value)}
