"""What namespaces learned: a small item with the fit for turns to read, a larger one with what it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from chalicelib.adapters.dynamodb import batch, transact
from chalicelib.adapters.dynamodb.answers import found_in
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.decision_items import (
    IDLE_SECONDS,
    course_in,
    course_key,
    decision_key,
    label,
    namespace_key,
    namespace_of,
    namespace_shards,
    told_in,
)
from chalicelib.adapters.dynamodb.table import Attributes, answer_key
from chalicelib.domain.lessons import Course, Feedback, Ruling
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Namespace

PAGE_ITEMS: Final = 1_000
BATCH_KEYS: Final = 100


class DynamoLessons:
    """`Lessons` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = database.tables.entries

    def namespaces(self) -> Sequence[Namespace]:
        """A Query for each shard."""
        found: list[Attributes] = []
        for shard in namespace_shards():
            request = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": shard},
                "ProjectionExpression": "label, refitted_at",
            }
            found += batch.query(self._database, request)
        found.sort(key=lambda item: int(item["refitted_at"]["N"]) if "refitted_at" in item else 0)
        return [namespace_of(item) for item in found]

    def course(self, namespace: Namespace) -> Course:
        """One GetItem."""
        request = {"TableName": self._table, "Key": course_key(namespace), "ConsistentRead": True}
        item = self._database.call("get_item", request).get("Item")
        if item is None:
            return Course()
        return msgspec.structs.replace(course_in(item) or Course(), version=int(item["version"]["N"]))

    def since(self, tenant: str, after: str, until: str, most: int) -> Sequence[Ruling | Feedback]:
        """Queries, the newest first, so that what is too much to be read is the oldest."""
        request = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :after AND :until",
            "ExpressionAttributeValues": {
                ":pk": decision_key(tenant, "")["pk"],
                ":after": {"S": f"{after}!"},
                ":until": {"S": until},
            },
            "ScanIndexForward": False,
            "Limit": min(PAGE_ITEMS, most),
            "ConsistentRead": True,
        }
        items = list(islice(batch.query(self._database, request), most))
        return [told for item in reversed(items) if (told := told_in(item)) is not None]

    def save(self, namespace: Namespace, course: Course) -> bool:
        """Both items, or neither."""
        ttl = {"N": str(course.refitted_at + IDLE_SECONDS)}
        put = {
            "TableName": self._table,
            "Item": {
                **course_key(namespace),
                "course": {"B": msgspec.msgpack.encode(course)},
                "version": {"N": str(course.version)},
                "ttl": ttl,
            },
            "ConditionExpression": "attribute_not_exists(pk)" if course.version == 1 else "version = :before",
        }
        if course.version > 1:
            put["ExpressionAttributeValues"] = {":before": {"N": str(course.version - 1)}}
        fit = course.calibration and msgspec.structs.replace(course.calibration, labels=(), requests=())
        update = {
            "TableName": self._table,
            "Key": namespace_key(namespace),
            "UpdateExpression": "SET label = :label, fit = :fit, refitted_at = :at, #ttl = :ttl",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {
                ":label": label(namespace),
                ":fit": {"B": msgspec.msgpack.encode(fit)},
                ":at": {"N": str(course.refitted_at)},
                ":ttl": ttl,
            },
        }
        return not transact.write(self._database, [{"Put": put}, {"Update": update}])

    def answers(self, keys: Sequence[str], now: float) -> Mapping[str, CachedAnswer]:
        """A BatchGetItem for each hundred."""
        table, answers = self._database.tables.answers, {}
        for start in range(0, len(keys), BATCH_KEYS):
            part = keys[start : start + BATCH_KEYS]
            found = batch.read(self._database, {table: [answer_key(key) for key in part]})
            each = {key: found_in(found.get((table, key, "")), now) for key in part}
            answers.update({key: answer for key, answer in each.items() if isinstance(answer, CachedAnswer)})
        return answers
