"""The exact answer cache: one item for an answer, gone when it expires."""

from __future__ import annotations

from typing import Final

import msgspec

from chalicelib.adapters.dynamodb.bodies import packed_bytes, unpacked_bytes
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import Attributes, answer_key
from chalicelib.domain.turn import CachedAnswer

MOST_BYTES: Final = 390_000  # an item may have 400 KB, its key and names included

_answer = msgspec.json.Decoder(CachedAnswer)


class DynamoAnswers:
    """`Answers` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, now: float) -> CachedAnswer | None:
        """One GetItem."""
        request = {"TableName": self._database.tables.answers, "Key": answer_key(key), "ConsistentRead": True}
        item = self._database.call("get_item", request).get("Item")
        answer = answer_of(item) if item else None
        return answer if answer is not None and answer.expires_at > now else None

    def store(self, key: str, answer: CachedAnswer) -> bool:
        """One PutItem."""
        if (item := answer_item(key, answer)) is None:
            return False
        self._database.call("put_item", {"TableName": self._database.tables.answers, "Item": item})
        return True


def answer_item(key: str, answer: CachedAnswer) -> Attributes | None:
    """The item that keeps the answer; None where it is too large."""
    body = packed_bytes(msgspec.json.encode(answer))
    if len(body) > MOST_BYTES:
        return None
    return {**answer_key(key), "body": {"B": body}, "ttl": {"N": str(answer.expires_at)}}


def answer_of(item: Attributes) -> CachedAnswer:
    """The answer in an item."""
    return _answer.decode(unpacked_bytes(item["body"]["B"]))
