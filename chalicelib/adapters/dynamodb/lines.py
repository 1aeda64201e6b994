"""How a tenant's line moves: one item of at most 1 KB, so that giving out or calling a ticket is one write unit.

A call is counted on condition that the line does not remember the ticket, so that a repetition does not count. It
remembers one for each slot: a reply that got lost while `SLOTS` others were called counts twice.
"""

from __future__ import annotations

from typing import Any, Final

from chalicelib.adapters.dynamodb.client import Database, Unmet
from chalicelib.adapters.dynamodb.job_items import (
    LINE_SECONDS,
    calls_in,
    line_key,
    number,
    slot_name,
    stretch_name,
)
from chalicelib.adapters.dynamodb.table import Attributes
from chalicelib.domain.jobs import BUCKET_SECONDS, BUCKETS, Job

_ONE: Final = {":one": number(1)}


def give_ticket(database: Database, line: str) -> int:
    """The next number; sent twice, one is skipped. A line in which somebody waits does not go by itself."""
    changes = {
        "UpdateExpression": "ADD tickets :one REMOVE #ttl",
        "ExpressionAttributeNames": {"#ttl": "ttl"},
        "ExpressionAttributeValues": _ONE,
    }
    return int(_update(database, line, changes)["tickets"]["N"])


def count_call(database: Database, job: Job, now: float, *, called: bool) -> None:
    """One ticket less is ahead of the others; a job that ended without being called says nothing of the pace."""
    if not job.ticket:
        return
    stretch = int(now) // BUCKET_SECONDS
    names = {"#slot": slot_name(job.ticket), "#ttl": "ttl"}
    changes = {
        "UpdateExpression": "SET #slot = :ticket, #ttl = :ttl ADD served :one" + (", #stretch :one" if called else ""),
        "ConditionExpression": "attribute_not_exists(#slot) OR #slot <> :ticket",
        "ExpressionAttributeNames": names | ({"#stretch": stretch_name(stretch)} if called else {}),
        "ExpressionAttributeValues": {
            ":ticket": number(job.ticket),
            ":ttl": number(int(now) + LINE_SECONDS),
            **_ONE,
        },
    }
    try:
        item = _update(database, job.line, changes)
    except Unmet:
        return
    outdated = [stretch_name(each) for each in calls_in(item) if each <= stretch - BUCKETS]
    if outdated:  # once in a stretch at most, and nobody adds to them any more
        _update(database, job.line, {"UpdateExpression": f"REMOVE {', '.join(outdated)}"})


def _update(database: Database, line: str, changes: dict[str, Any]) -> Attributes:
    """The line as it is afterwards."""
    request = {"TableName": database.tables.jobs, "Key": line_key(line), "ReturnValues": "ALL_NEW", **changes}
    found: Attributes = database.call("update_item", request)["Attributes"]
    return found
