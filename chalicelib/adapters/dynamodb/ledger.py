"""What a subject used: one item for all windows, so that a new window costs no read and no write.

An attribute is a period's label and the meter's letter, `m29921725t`. All of them fit into one write unit as
long as old ones go: those that a recall saw are removed with the next charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from chalicelib.adapters.dynamodb.table import Attributes, subject_key
from chalicelib.adapters.dynamodb.transact import Action
from chalicelib.domain.budget import (
    METERS,
    WINDOWS,
    Balances,
    Charge,
    Meter,
    Subject,
    SubjectKind,
    Window,
    period,
)
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.ledger import Demand

_LETTERS: Final[dict[Meter, str]] = {"requests": "r", "tokens": "t", "usd_micros": "u"}
_KEPT_SECONDS: Final[dict[Window, int]] = {"minute": 180, "day": 86_400, "month": 365 * 86_400}
_MOST_REMOVED: Final = 90  # attributes in one update; an expression may have 4 KB


def balances(items: dict[SubjectKind, Attributes], now: float) -> Balances:
    """What each subject used in the windows of `now`; an item that is not there used nothing."""
    labels = {window: _label(window, now) for window in WINDOWS}
    return {
        (kind, window): Charge(*(_amount(item, labels[window] + _LETTERS[meter]) for meter in METERS))
        for kind, item in items.items()
        for window in WINDOWS
    }


def outdated(item: Attributes, now: float) -> tuple[str, ...]:
    """The attributes of periods that nobody asks for any more."""
    floors = {label[0]: label for window, seconds in _KEPT_SECONDS.items() if (label := _label(window, now - seconds))}
    old = (name for name in item if name[:-1] < floors.get(name[0], ""))
    return tuple(old)[:_MOST_REMOVED]


def adding(table: str, subject: Subject, charge: Charge, now: float) -> Action:
    """The write that adds `charge`, whose parts may be negative, to the subject's windows of `now`."""
    amounts = {meter: charge.of(meter) for meter in METERS if charge.of(meter)}
    labels = [_label(window, now) for window in WINDOWS]
    added = ", ".join(f"{label}{_LETTERS[meter]} :{_LETTERS[meter]}" for label in labels for meter in amounts)
    update: dict[str, Any] = {
        "TableName": table,
        "Key": subject_key(subject),
        "UpdateExpression": f"ADD {added}",
        "ExpressionAttributeValues": {f":{_LETTERS[m]}": {"N": str(amount)} for m, amount in amounts.items()},
    }
    return {"Update": update}


def limited(action: Action, demands: Sequence[Demand], removed: Sequence[str]) -> Action:
    """`action` on condition that every demand has room; it also removes outdated attributes."""
    update = action["Update"]
    if removed:
        update["UpdateExpression"] += " REMOVE " + ", ".join(removed)
    if demands:
        conditions = []
        for place, demand in enumerate(demands):
            name = _attribute(demand)
            conditions.append(f"(attribute_not_exists({name}) OR {name} <= :l{place})")
            update["ExpressionAttributeValues"][f":l{place}"] = {"N": str(demand.room)}
        update["ConditionExpression"] = " AND ".join(conditions)
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return action


def refused(demands: Sequence[Demand], found: dict[SubjectKind, Attributes], now: int) -> LimitExceeded:
    """The first of the demands that had no room, by the items as the conditions found them."""
    failed = [demand for demand in demands if demand.limit.subject in found]
    for demand in failed:
        used = _amount(found[demand.limit.subject], _attribute(demand))
        if used > demand.room:
            return demand.refusal(used, now)
    return failed[0].refusal(failed[0].room + failed[0].asked, now)


def _attribute(demand: Demand) -> str:
    return demand.period.label + _LETTERS[demand.meter]


def _label(window: Window, now: float) -> str:
    return _label_in(window, int(now) // 60)


@lru_cache(maxsize=256)
def _label_in(window: Window, minute: int) -> str:
    """Every window begins with a minute."""
    return period(window, minute * 60).label


def _amount(item: Attributes, name: str) -> int:
    return int(item[name]["N"]) if name in item else 0


def kept(names: Sequence[str], now: float) -> tuple[str, ...]:
    """The `names` but those that a charge at `now` adds to: DynamoDB refuses to add to what it removes."""
    current = tuple(_label(window, now) for window in WINDOWS)
    return tuple(name for name in names if not name.startswith(current))
