"""Receipts: one item for a key, its answer in it, and further parts of an answer for which an item is too small.

Parts carry the digest of the whole in their key and are written before the item that names it, so that no reader
sees an answer without them; those of a holder that broke off go by their time to live.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.bodies import PART_BYTES, packed_bytes, unpacked_bytes
from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.table import Attributes, identity
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.receipts import Receipt, Told

_MINE: Final = "holder = :holder"
_headers = msgspec.json.Decoder(dict[str, str])


class DynamoReceipts:
    """`Receipts` over the table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, receipt: Receipt, now: float) -> Receipt:
        """One PutItem, and a BatchGetItem where the answer that is there has parts."""
        request = self._put(receipt, "attribute_not_exists(pk) OR #ttl <= :now", {":now": _number(int(now))})
        request["ExpressionAttributeNames"] = {"#ttl": "ttl"}
        try:
            self._database.call("put_item", request)
        except Unmet as unmet:
            if unmet.item is None:
                raise StoreUnavailable("a receipt was there, and is not told") from unmet
            return self._receipt(unmet.item)
        return receipt

    def get(self, receipt_id: str, now: float) -> Receipt | None:
        """One GetItem, and a BatchGetItem where the answer has parts."""
        request = {"TableName": self._table, "Key": _key(receipt_id), "ConsistentRead": True}
        item: Attributes | None = self._database.call("get_item", request).get("Item")
        return self._receipt(item) if item and int(item["ttl"]["N"]) > now else None

    def take(self, found: Receipt, new: Receipt) -> bool:
        """One PutItem."""
        values = {":holder": {"S": found.holder}, ":lease": _number(found.lease_until)}
        request = self._put(new, f"{_MINE} AND lease_until = :lease AND attribute_not_exists(told)", values)
        try:
            self._database.call("put_item", request)
        except Unmet as unmet:
            return bool(unmet.item == request["Item"])  # by the first sending of this very write
        return True

    def hold(self, receipt: Receipt, lease_until: int) -> bool:
        """One UpdateItem."""
        condition = f"{_MINE} AND attribute_not_exists(told)"
        return self._updated(receipt, "SET lease_until = :lease", condition, {":lease": _number(lease_until)})

    def keep(self, receipt: Receipt, answer: Told) -> bool:
        """One UpdateItem; a large answer's parts go before it."""
        body = packed_bytes(answer.body)
        digest = hashlib.sha256(body).hexdigest()[:16]
        pieces = [body[start:][:PART_BYTES] for start in range(0, len(body), PART_BYTES)] or [b""]
        ending = {"ttl": _number(receipt.until)}
        keys = _part_keys(receipt.id, digest, len(pieces))
        parts = [{**key, **ending, "body": {"B": piece}} for key, piece in zip(keys, pieces[1:], strict=True)]
        batch.put(self._database, self._table, parts)
        told: Attributes = {
            "status": _number(answer.status),
            "headers": {"S": msgspec.json.encode(answer.headers).decode()},
            "digest": {"S": digest},
            "pieces": _number(len(pieces)),
            "packed": {"BOOL": body != answer.body},
            "body": {"B": pieces[0]},
        }
        return self._updated(receipt, "SET told = :told", _MINE, {":told": {"M": told}})

    @property
    def _table(self) -> str:
        return self._database.tables.jobs

    def _put(self, receipt: Receipt, condition: str, values: Attributes) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": _item(receipt),
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _updated(self, receipt: Receipt, change: str, condition: str, values: Attributes) -> bool:
        request = {
            "TableName": self._table,
            "Key": _key(receipt.id),
            "UpdateExpression": change,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": {**values, ":holder": {"S": receipt.holder}},
        }
        try:
            self._database.call("update_item", request)
        except Unmet:
            return False
        return True

    def _receipt(self, item: Attributes) -> Receipt:
        told = item.get("told", {}).get("M")
        receipt_id = item["pk"]["S"].partition("#")[2]
        return Receipt(
            id=receipt_id,
            owner=item["owner"]["S"] if "owner" in item else "",
            fingerprint=item["fingerprint"]["S"],
            holder=item["holder"]["S"],
            turn_id=item["turn_id"]["S"],
            lease_until=int(item["lease_until"]["N"]),
            until=int(item["ttl"]["N"]),
            answer=self._told(receipt_id, told) if told else None,
        )

    def _told(self, receipt_id: str, told: Attributes) -> Told:
        keys = _part_keys(receipt_id, told["digest"]["S"], int(told["pieces"]["N"]))
        found = batch.read(self._database, {self._table: keys}) if keys else {}
        names = [(self._table, *identity(key)) for key in keys]
        if not found.keys() >= set(names):
            raise StoreUnavailable("parts of an answer are gone")
        body = b"".join([told["body"]["B"], *(found[name]["body"]["B"] for name in names)])
        whole = unpacked_bytes(body) if told["packed"]["BOOL"] else body
        return Told(int(told["status"]["N"]), _headers.decode(told["headers"]["S"]), whole)


def _item(receipt: Receipt) -> Attributes:
    return {
        **_key(receipt.id),
        "owner": {"S": receipt.owner},
        "fingerprint": {"S": receipt.fingerprint},
        "holder": {"S": receipt.holder},
        "turn_id": {"S": receipt.turn_id},
        "lease_until": _number(receipt.lease_until),
        "ttl": _number(receipt.until),
    }


def _key(receipt_id: str) -> Attributes:
    return {"pk": {"S": f"receipt#{receipt_id}"}, "sk": {"S": "receipt"}}


def _part_keys(receipt_id: str, digest: str, pieces: int) -> list[Attributes]:
    """Where the pieces behind the first one are."""
    return [{**_key(receipt_id), "sk": {"S": f"part#{digest}#{place:05d}"}} for place in range(1, pieces)]


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
