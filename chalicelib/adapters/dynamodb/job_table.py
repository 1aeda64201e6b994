"""Reading and changing the items of the table of jobs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.job_items import (
    OPEN_JOBS,
    Body,
    BodyName,
    Value,
    attribute,
    job_key,
    job_of,
    joined,
    part_keys,
)
from chalicelib.adapters.dynamodb.table import Attributes, identity
from chalicelib.domain.jobs import Job

_PARTS_READ: Final = 40  # a BatchGetItem answers with 16 MB
_NAME: Final = re.compile(r"#(\w+)")


class JobTable:
    """The table of jobs, by the keys and values of `job_items`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._name = database.tables.jobs

    def item(self, key: Attributes) -> Attributes | None:
        """One item, read consistently."""
        item: Attributes | None = self._call("get_item", Key=key, ConsistentRead=True).get("Item")
        return item

    def put(self, item: Attributes, condition: str | None = None) -> None:
        """Write one item; `Unmet` where the condition does not hold."""
        self._call("put_item", Item=item, **({"ConditionExpression": condition} if condition else {}))

    def put_parts(self, body: Body) -> None:
        """Write the parts of a body that nobody names yet."""
        batch.put(self._database, self._name, body.parts)

    def update(self, job_id: str, changes: str, condition: str, values: Mapping[str, Value]) -> Attributes:
        """The job as it is afterwards; `Unmet` with how it is where the condition does not hold."""
        item: Attributes = self._call(
            "update_item",
            Key=job_key(job_id),
            UpdateExpression=changes,
            ConditionExpression=condition,
            ExpressionAttributeNames={f"#{name}": name for name in _NAME.findall(f"{changes} {condition}")},
            ExpressionAttributeValues={name: attribute(value) for name, value in values.items()},
            ReturnValues="ALL_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )["Attributes"]
        return item

    def whole(self, item: Attributes, *kinds: BodyName) -> Job | None:
        """The job with its order or outcome; None where those went already, as the job soon will."""
        job = job_of(item)
        for kind in kinds:
            keys = part_keys(job.id, kind, item[kind]["S"]) if kind in item else []
            parts = self._parts(keys)
            if len(parts) < len(keys):
                return None
            job = msgspec.structs.replace(job, **{kind: joined(parts)})
        return job

    def between(self, first: Attributes, last: Attributes, *, backwards: bool = False) -> Iterator[Attributes]:
        """Every item from one key to another, both included; `backwards`, one at a time as they are asked for."""
        request = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {":pk": first["pk"], ":first": first["sk"], ":last": last["sk"]},
            "ConsistentRead": True,
        }
        return batch.query(self._database, request | ({"ScanIndexForward": False, "Limit": 1} if backwards else {}))

    def open_before(self, shard: str, before: float, limit: int) -> Iterator[Attributes]:
        """What the index has of a shard's open jobs since before an epoch second, the oldest first."""
        request = {
            "TableName": self._name,
            "IndexName": OPEN_JOBS,
            "KeyConditionExpression": "open_shard = :shard AND open_since < :before",
            "ExpressionAttributeValues": {":shard": attribute(shard), ":before": attribute(before)},
            "Limit": limit,
        }
        return batch.query(self._database, request)

    def _parts(self, keys: list[Attributes]) -> list[Attributes]:
        found: batch.Found = {}
        for start in range(0, len(keys), _PARTS_READ):
            found |= batch.read(self._database, {self._name: keys[start:][:_PARTS_READ]})
        places = [(self._name, *identity(key)) for key in keys]
        return [found[place] for place in places if place in found]

    def _call(self, operation: str, **request: Any) -> dict[str, Any]:
        return self._database.call(operation, {"TableName": self._name, **request})
