"""What the libraries cost by themselves, for want of which no figure of ours says anything."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from chalice.app import Chalice

from benchmarks.turns import Event
from infra.local.events import Context

Call = Callable[[], object]


@dataclass(frozen=True)
class Yardstick:
    """A bare call: `prepare` makes so many of them, each ready to be timed."""

    name: str
    calls: int
    prepare: Callable[[int], list[Call]]


def yardsticks(event: Event, reservation: dict[str, Any]) -> tuple[Yardstick, ...]:
    """boto3 as it comes, on one item and on the product's own reservation; Chalice with one view."""
    client = boto3.client("dynamodb")
    bare = Chalice("bare", configure_logs=False)
    bare.route("/v1/chat/completions", methods=["POST"])(_view)
    update = reservation["TransactItems"][1]["Update"]

    def gets(number: int) -> list[Call]:
        return [lambda: _found(client.get_item(TableName=update["TableName"], Key=update["Key"]))] * number

    def writes(number: int) -> list[Call]:
        fresh = [another(reservation) for _ in range(number)]
        return [lambda each=each: client.transact_write_items(**each) for each in fresh]  # type: ignore[misc]

    def views(number: int) -> list[Call]:
        return [lambda: _answered(bare(event, Context(30)))] * number

    return (
        Yardstick("get_item", 60, gets),
        Yardstick("transact_write", 30, writes),
        Yardstick("chalice", 100, views),
    )


def _view() -> dict[str, str]:
    return {"say": "nothing"}


def _found(reply: Any) -> None:
    assert reply["Item"]


def _answered(response: dict[str, Any]) -> None:
    assert response["statusCode"] == 200  # noqa: PLR2004


def another(reservation: dict[str, Any]) -> dict[str, Any]:
    """The same writes for a turn that does not exist yet, and that leads others of a question of its own."""
    record, *_, lead = (each.get("Put", {}).get("Item") for each in reservation["TransactItems"])
    turn_id, fresh = record["turn_id"]["S"], uuid.uuid4().hex
    request: dict[str, Any] = json.loads(json.dumps(reservation).replace(turn_id, fresh))
    request["TransactItems"][-1]["Put"]["Item"]["pk"] = {"S": f"{lead['pk']['S']}{fresh}"}
    return request | {"ClientRequestToken": uuid.uuid4().hex}
