"""The exact answer cache: one item for an answer, or for the turn that asks for it; gone when its time is up."""

from __future__ import annotations

import zlib
from typing import Final

import msgspec

from chalicelib.adapters.dynamodb.bodies import packed_bytes, unpacked_bytes
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.table import Attributes, answer_key
from chalicelib.adapters.dynamodb.transact import write
from chalicelib.domain.cache_key import owner_of
from chalicelib.domain.lead import Lead
from chalicelib.domain.turn import CachedAnswer

MOST_BYTES: Final = 390_000  # an item may have 400 KB, its key and names included

_answer = msgspec.json.Decoder(CachedAnswer)


class DynamoAnswers:
    """`Answers` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, key: str, now: float) -> CachedAnswer | None:
        """One GetItem."""
        found = self.look(key, now)
        return found if isinstance(found, CachedAnswer) else None

    def look(self, key: str, now: float) -> CachedAnswer | Lead | None:
        """One GetItem."""
        request = {"TableName": self._database.tables.answers, "Key": answer_key(key), "ConsistentRead": True}
        return found_in(self._database.call("get_item", request).get("Item"), now)

    def cede(self, lead: Lead) -> None:
        """One DeleteItem, and another for each turn that just then tries to lead."""
        delete = {
            "TableName": self._database.tables.answers,
            "Key": answer_key(lead.key),
            "ConditionExpression": "leader = :leader",
            "ExpressionAttributeValues": {":leader": {"S": lead.turn_id}},
        }
        write(self._database, [{"Delete": delete}])

    def store(self, key: str, answer: CachedAnswer) -> bool:
        """One PutItem, and another for each turn that just then tries to lead."""
        if (item := answer_item(key, answer)) is None:
            return False
        write(self._database, [{"Put": {"TableName": self._database.tables.answers, "Item": item}}])
        return True


def answer_item(key: str, answer: CachedAnswer) -> Attributes | None:
    """The item that keeps the answer; None where it is too large."""
    body = packed_bytes(msgspec.json.encode(answer))
    if len(body) > MOST_BYTES:
        return None
    owner = owner_of(answer.scope)
    owned = {} if owner is None else {"owner": {"S": owner}}
    return {**answer_key(key), "body": {"B": body}, "ttl": {"N": str(answer.expires_at)}, **owned}


def lead_item(lead: Lead) -> Attributes:
    """The item that says who asks, in the place of the answer."""
    times = {"since": {"N": str(lead.since)}, "ttl": {"N": str(lead.until)}}
    return {**answer_key(lead.key), "leader": {"S": lead.turn_id}, **times}


def found_in(item: Attributes | None, now: float) -> CachedAnswer | Lead | None:
    """The answer or the lead in an item, unless it is over."""
    if item is None or int(item["ttl"]["N"]) <= now:
        return None
    if "leader" not in item:
        return _answer_in(item)
    return Lead(item["pk"]["S"], item["leader"]["S"], int(item["since"]["N"]), int(item["ttl"]["N"]))


def _answer_in(item: Attributes) -> CachedAnswer | None:
    """None where the item holds no answer that this release can read: the next one is written over it."""
    try:
        return _answer.decode(unpacked_bytes(item["body"]["B"]))
    except (KeyError, msgspec.DecodeError, zlib.error):
        return None
