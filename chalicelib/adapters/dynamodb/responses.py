"""Responses: an item each, with the first part of its body, in the table of conversations.

Further parts are written before the item that names them, and go with it by their time to live. In the index of owners
a response stands apart from the owner's conversations, so that all that is kept of somebody can be found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.bodies import PART_BYTES, packed_bytes, unpacked_bytes
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import Attributes, identity
from chalicelib.adapters.dynamodb.transact import write
from chalicelib.domain.responses import StoredResponse

_READ: Final = 100  # what one BatchGetItem takes
_response = msgspec.json.Decoder(StoredResponse)


class DynamoResponses:
    """`Responses` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, response: StoredResponse) -> None:
        """The parts in BatchWriteItems where there are any, then one PutItem."""
        self._write(response, {})

    def replace(self, response: StoredResponse) -> bool:
        """The same, on condition that the item is there; the parts of another body go by their time to live."""
        return self._write(response, {"ConditionExpression": "attribute_exists(pk)"})

    def get(self, owner: str, response_id: str) -> StoredResponse | None:
        """One GetItem, one read more where it is large."""
        return next(iter(self._whole(owner, [self._item(response_id)])), None)

    def among(self, owner: str, response_ids: Sequence[str]) -> Sequence[StoredResponse]:
        """One BatchGetItem, more where responses are large."""
        if not response_ids:
            return []
        found = self._read([_key(each) for each in response_ids])
        return self._whole(owner, [found.get(identity(_key(each))) for each in response_ids])

    def delete(self, owner: str, response_id: str) -> bool:
        """The item first, on condition that it is the owner's: from then on nobody finds the parts."""
        table = self._database.tables.conversations
        item = self._item(response_id)
        if item is None or item["owner"] != indexed(owner):
            return False
        request: dict[str, Any] = {
            "TableName": table,
            "Key": _key(response_id),
            "ConditionExpression": "attribute_exists(pk)",
        }
        gone = not write(self._database, [{"Delete": request}])
        batch.delete(self._database, table, _part_keys(item))
        return gone

    def _write(self, response: StoredResponse, condition: dict[str, str]) -> bool:
        table = self._database.tables.conversations
        item, parts = _packed(response)
        batch.put(self._database, table, parts)
        return not write(self._database, [{"Put": {"TableName": table, "Item": item, **condition}}])

    def _item(self, response_id: str) -> Attributes | None:
        table = self._database.tables.conversations
        request = {"TableName": table, "Key": _key(response_id), "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return item

    def _whole(self, owner: str, items: Iterable[Attributes | None]) -> list[StoredResponse]:
        """The owner's responses among `items`; one whose parts go while it is read is going too."""
        mine = [item for item in items if item is not None and item["owner"] == indexed(owner)]
        parts = self._read([key for item in mine for key in _part_keys(item)])
        bodies = ([item, *(parts.get(identity(key)) for key in _part_keys(item))] for item in mine)
        return [_unpacked([part for part in body if part]) for body in bodies if all(body)]

    def _read(self, keys: Sequence[Attributes]) -> dict[tuple[str, str], Attributes]:
        found: dict[tuple[str, str], Attributes] = {}
        for start in range(0, len(keys), _READ):
            wanted = {self._database.tables.conversations: list(keys[start : start + _READ])}
            found |= {(pk, sk): item for (_, pk, sk), item in batch.read(self._database, wanted).items()}
        return found


def _packed(response: StoredResponse) -> tuple[Attributes, list[Attributes]]:
    """The item, and the parts that go before it."""
    body = packed_bytes(msgspec.json.encode(response))
    pieces = [body[start:][:PART_BYTES] for start in range(0, len(body), PART_BYTES)]
    ttl = {"ttl": {"N": str(response.expires_at)}}
    item: Attributes = {
        **_key(response.id),
        **ttl,
        "owner": indexed(response.owner),
        "created_key": {"S": f"{response.created_at:012d}#{response.id}"},
        "digest": {"S": hashlib.sha256(body).hexdigest()[:16]},
        "parts": {"N": str(len(pieces) - 1)},
        "body": {"B": pieces[0]},
    }
    keys = _part_keys(item)
    return item, [{**key, **ttl, "body": {"B": piece}} for key, piece in zip(keys, pieces[1:], strict=True)]


def _unpacked(parts: Iterable[Attributes]) -> StoredResponse:
    return _response.decode(unpacked_bytes(b"".join(part["body"]["B"] for part in parts)))


def _key(response_id: str) -> Attributes:
    return {"pk": {"S": response_id}, "sk": {"S": "response"}}


def _part_keys(item: Attributes) -> list[Attributes]:
    """The keys of the parts that an item names: those of the body with its digest."""
    digest, count = item["digest"]["S"], int(item["parts"]["N"])
    return [{"pk": item["pk"], "sk": {"S": f"response#{digest}#{place:05d}"}} for place in range(1, count + 1)]


def indexed(owner: str) -> dict[str, str]:
    """Where the index has the responses of an owner."""
    return {"S": f"responses#{owner}"}
