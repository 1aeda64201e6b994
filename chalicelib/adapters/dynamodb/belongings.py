"""What is kept of a user, found by indexes of owners, and by the partition of the tenant's decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Any, Final

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.conversations import DynamoConversations, hidden
from chalicelib.adapters.dynamodb.decision_items import decision_key, told_in
from chalicelib.adapters.dynamodb.job_items import job_key, job_of
from chalicelib.adapters.dynamodb.job_table import JobTable
from chalicelib.adapters.dynamodb.responses import indexed
from chalicelib.adapters.dynamodb.table import BY_OWNER, Attributes, answer_key, head_key, primary
from chalicelib.adapters.dynamodb.turn_items import drop_turns
from chalicelib.domain.erasure import Erasure, Found
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.jobs import job_id
from chalicelib.domain.lessons import Ruling

_JOB: Final = "job#"
_STUBS: Final = {"job", "receipt"}
_NOBODY: Final = {"S": ""}


class DynamoBelongings:
    """`Belongings` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._jobs = JobTable(database)
        self._conversations = DynamoConversations(database)

    def jobs(self, owner: str) -> list[str]:
        """One Query of the index."""
        found = self._owned(self._database.tables.jobs, owner)
        return [job_id(pk.removeprefix(_JOB)) for pk in found if pk.startswith(_JOB)]

    def take(self, erasure: Erasure, now: float, most: int) -> Found:
        """A Query of each index, one of each thing that it finds, BatchWriteItems; the tenant's decisions read through.

        An index tells for moments of what is gone already.
        """
        owner = erasure.owner
        counts = {
            "conversations": self._take_conversations(owner, most),
            "responses": self._take_responses(owner, most),
            "answers": self._take_answers(owner, most),
            "decisions": self._take_decisions(erasure, most),
        }
        kept, waits = self._take_kept(owner, now)
        return Found({**counts, **kept}, waits, cut=most in counts.values())

    def finish(self, erasure: Erasure) -> None:
        """Queries of the indexes, and a BatchWriteItem for each 25."""
        tables = self._database.tables
        heads = [head_key(pk) for pk in self._owned(tables.conversations, hidden(erasure.owner))]
        batch.delete(self._database, tables.conversations, heads)
        batch.delete(self._database, tables.jobs, [_stub_key(pk) for pk in self._places(erasure.owner)])

    def _take_conversations(self, owner: str, most: int) -> int:
        """Their heads stay, hidden from everybody: by them parts are found that a late writer leaves without a turn."""
        table = self._database.tables.conversations
        known = list(self._owned(table, hidden(owner)))
        fresh = [each for each in islice(self._owned(table, owner), most) if self._conversations.hide(owner, each)]
        late = sum(bool(drop_turns(self._database, each)) for each in known)
        for each in fresh:
            drop_turns(self._database, each)
        return len(fresh) + late

    def _take_responses(self, owner: str, most: int) -> int:
        """The item last: by it a repetition finds the parts."""
        table, found = self._database.tables.conversations, 0
        for pk in islice(self._owned(table, indexed(owner)["S"]), most):
            keys = [primary(item) for item in self._partition(table, pk, "pk, sk")]
            keys.sort(key=lambda key: len(key["sk"]["S"]), reverse=True)
            batch.delete(self._database, table, keys[:-1])
            batch.delete(self._database, table, keys[-1:])
            found += bool(keys)
        return found

    def _take_answers(self, owner: str, most: int) -> int:
        table = self._database.tables.answers
        found = list(islice(self._owned(table, owner), most))
        batch.delete(self._database, table, [answer_key(pk) for pk in found])
        return len(found)

    def _take_decisions(self, erasure: Erasure, most: int) -> int:
        table = self._database.tables.entries
        pk = decision_key(tenant_tag(erasure.tenant), "")["pk"]["S"]
        mine = (primary(item) for item in self._partition(table, pk) if _is_of(item, erasure.user))
        keys = list(islice(mine, most))
        batch.delete(self._database, table, keys)
        return len(keys)

    def _take_kept(self, owner: str, now: float) -> tuple[Mapping[str, int], bool]:
        """What jobs and receipts hold; whether a worker is at one of them still."""
        counts, waits = {"jobs": 0, "receipts": 0}, False
        for job in self.jobs(owner):
            self._hide(job, owner)
        for pk in self._places(owner):
            if pk.startswith(_JOB) and self._is_held(pk, now):
                waits = True
                continue
            counts["jobs" if pk.startswith(_JOB) else "receipts"] += self._emptied(pk)
        return counts, waits

    def _hide(self, job: str, owner: str) -> None:
        """Take a job from its owner; whoever works on it does not ask whose it is."""
        with suppress(Unmet):
            self._jobs.update(
                job, "SET #owner = :hidden", "#owner = :owner", {":hidden": hidden(owner), ":owner": owner}
            )

    def _is_held(self, pk: str, now: float) -> bool:
        item = self._jobs.item(job_key(job_id(pk.removeprefix(_JOB))))
        job = job_of(item) if item else None
        return job is not None and job.state == "in_progress" and job.lease_until >= now

    def _emptied(self, pk: str) -> bool:
        """Whether there was anything but the item that shows the place."""
        table = self._database.tables.jobs
        items = list(self._partition(table, pk, "pk, sk, holder, told.digest"))
        content = [primary(item) for item in items if item["sk"]["S"] not in _STUBS]
        batch.delete(self._database, table, content)
        for item in items:
            if item.get("holder", _NOBODY) != _NOBODY:
                self._silence(item)
        return bool(content) or any("told" in item for item in items)

    def _silence(self, receipt: Attributes) -> None:
        """The receipt loses its answer, and its holder the right to give one."""
        request = {
            "TableName": self._database.tables.jobs,
            "Key": primary(receipt),
            "UpdateExpression": "SET holder = :nobody REMOVE told",
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {":nobody": _NOBODY},
        }
        with suppress(Unmet):
            self._database.call("update_item", request)

    def _places(self, owner: str) -> list[str]:
        table = self._database.tables.jobs
        return [*self._owned(table, owner), *self._owned(table, hidden(owner))]

    def _owned(self, table: str, owner: str) -> Iterator[str]:
        """The partition keys that a table's index has of an owner."""
        request = _all_of(table, "#owner", owner) | {"IndexName": BY_OWNER}
        return (item["pk"]["S"] for item in batch.query(self._database, request))

    def _partition(self, table: str, pk: str, projection: str = "") -> Iterator[Attributes]:
        request = _all_of(table, "#pk", pk) | {"ConsistentRead": True}
        return batch.query(self._database, request | ({"ProjectionExpression": projection} if projection else {}))


def _all_of(table: str, name: str, value: str) -> dict[str, Any]:
    return {
        "TableName": table,
        "KeyConditionExpression": f"{name} = :value",
        "ExpressionAttributeNames": {name: name.removeprefix("#")},
        "ExpressionAttributeValues": {":value": {"S": value}},
    }


def _stub_key(pk: str) -> Attributes:
    return {"pk": {"S": pk}, "sk": {"S": "job" if pk.startswith(_JOB) else "receipt"}}


def _is_of(item: Attributes, user: str) -> bool:
    """Whether a decision, or a word on one, is the user's."""
    told = told_in(item)
    return told is not None and (told if isinstance(told, Ruling) else told.ruling).user == user
