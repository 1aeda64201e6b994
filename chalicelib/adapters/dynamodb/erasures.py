"""Records of erasures, in the table of jobs.

pk = erasure#<owner>, sk = erasure             the record; in the GSI open-jobs while there is something left to do
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.job_items import number
from chalicelib.adapters.dynamodb.job_table import JobTable
from chalicelib.adapters.dynamodb.table import FOREVER, Attributes
from chalicelib.adapters.dynamodb.trail import noted
from chalicelib.domain.erasure import Erasure
from chalicelib.domain.trail import Event

_SHARD: Final = "erasure"
_PREFIX: Final = "erasure#"
_KEPT_SECONDS: Final = 400 * 86_400
_erasure = msgspec.json.Decoder(Erasure)


class DynamoErasures:
    """`Erasures` over the table of jobs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._table = JobTable(database)

    def get(self, owner: str) -> Erasure | None:
        """One GetItem."""
        item = self._table.item(_key(owner))
        return _erasure.decode(item["body"]["S"]) if item else None

    def put(self, erasure: Erasure, note: Event | None = None) -> None:
        """One write."""
        noted(self._database, {"Put": {"TableName": self._database.tables.jobs, "Item": _item(erasure)}}, note)

    def replace(self, old: Erasure, new: Erasure) -> bool:
        """One PutItem."""
        index = {"open_shard": {"S": _SHARD}, "open_since": number(new.started_at)}
        request: dict[str, Any] = {
            "TableName": self._database.tables.jobs,
            "Item": _item(new) | (index if new.finished_at is None else {}),
            "ConditionExpression": "body IN (:old, :new)",
            "ExpressionAttributeValues": {":old": _item(old)["body"], ":new": _item(new)["body"]},
        }
        try:
            self._database.call("put_item", request)
        except Unmet:
            return False
        return True

    def pending(self, most: int) -> Sequence[str]:
        """One Query of the index."""
        found = islice(self._table.open_before(_SHARD, FOREVER, most), most)
        return [item["pk"]["S"].removeprefix(_PREFIX) for item in found]


def _item(erasure: Erasure) -> Attributes:
    body = {"S": msgspec.json.encode(erasure, order="deterministic").decode()}
    return {**_key(erasure.owner), "body": body, "ttl": number(erasure.started_at + _KEPT_SECONDS)}


def _key(owner: str) -> Attributes:
    return {"pk": {"S": f"{_PREFIX}{owner}"}, "sk": {"S": "erasure"}}
