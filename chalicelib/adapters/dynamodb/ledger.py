"""What a subject used: one item for all windows, so that a new window costs no read and no write.

An attribute is a period's label and the meter's letter, `m29921725t`; `h`, `s` and `v` are the hits, tokens and
micro-USD that the cache saved. `held_t` and `held_u` are what is reserved and not yet settled, `open` is the number of
the key's running turns. All of them fit into one write unit as long as old ones go: those that a recall saw are removed
with the next charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from chalicelib.adapters.dynamodb.table import Attributes
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
from chalicelib.domain.ledger import Demand, Step, refuse_busy

OPEN: Final = "open"

METER_LETTERS: Final[dict[Meter, str]] = {"requests": "r", "tokens": "t", "usd_micros": "u"}
_SAVED: Final[dict[Meter, str]] = {"requests": "h", "tokens": "s", "usd_micros": "v"}
_HELD: Final[dict[Meter, str]] = {"tokens": "held_t", "usd_micros": "held_u"}
_SAVED_WINDOWS: Final[tuple[Window, ...]] = ("day", "month")
_KEPT_SECONDS: Final[dict[Window, int]] = {"minute": 180, "day": 86_400, "month": 365 * 86_400}
_SAVED_MONTH_SECONDS: Final = 31 * 86_400  # a year of them too would not fit
_MOST_REMOVED: Final = 90  # attributes in one update; an expression may have 4 KB


def balances(items: dict[SubjectKind, Attributes], now: float) -> Balances:
    """What each subject used in the windows of `now`; an item that is not there used nothing."""
    labels = {window: _label(window, now) for window in WINDOWS}
    return {
        (kind, window): Charge(*(amount_of(item, labels[window] + METER_LETTERS[meter]) for meter in METERS))
        for kind, item in items.items()
        for window in WINDOWS
    }


def held(item: Attributes) -> Charge:
    """What a subject has reserved and not yet settled."""
    return Charge(0, amount_of(item, _HELD["tokens"]), amount_of(item, _HELD["usd_micros"]))


def saved(item: Attributes, window: Window, now: float) -> Charge:
    """What the cache saved a subject in the day or month of `now`: hits, tokens and micro-USD."""
    return Charge(*(amount_of(item, _label(window, now) + _SAVED[meter]) for meter in METERS))


def running(item: Attributes) -> int:
    """How many turns of a key are open."""
    return amount_of(item, OPEN)


def outdated(item: Attributes, now: float) -> tuple[str, ...]:
    """The attributes of periods that nobody asks for any more."""
    floors = {label[0]: label for window, seconds in _KEPT_SECONDS.items() if (label := _label(window, now - seconds))}
    recent = {**floors, "n": _label("month", now - _SAVED_MONTH_SECONDS)}
    old = (name for name in item if name[:-1] < (recent if name[-1] in "hsv" else floors).get(name[0], ""))
    return tuple(old)[:_MOST_REMOVED]


def is_window(name: str) -> bool:
    """Whether an attribute counts what was used in a window, or the room for it."""
    return name[0] in "mdn" and name[-1] in "rtu"


def amounts(step: Step, subject: Subject, now: float, *, leased: bool = False) -> dict[str, int]:
    """What `step` adds to each attribute of the subject, in its windows of `now`; what adds nothing is left out.

    `leased` is for a shard, which counts down the room that it has left.
    """
    sign = -1 if leased else 1
    used = {METER_LETTERS[meter]: sign * amount for meter in METERS if (amount := step.used.of(meter))}
    added = {label + letter: amount for label in labels_of(now) for letter, amount in used.items()}
    added |= {name: step.held.of(meter) for meter, name in _HELD.items()}
    if subject.kind == "key":
        added[OPEN] = step.open
    if step.saved != Charge():
        added |= {
            _label(window, now) + letter: step.saved.of(meter)
            for window in _SAVED_WINDOWS
            for meter, letter in _SAVED.items()
        }
    return {name: amount for name, amount in added.items() if amount}


def adding(table: str, key: Attributes, added: dict[str, int]) -> Action:
    """The write that adds to attributes of one item; each different amount is one value."""
    values = {amount: f":{place}" for place, amount in enumerate(dict.fromkeys(added.values()))}
    update: dict[str, Any] = {
        "TableName": table,
        "Key": key,
        "UpdateExpression": "ADD " + ", ".join(f"{_name(name)} {values[amount]}" for name, amount in added.items()),
        "ExpressionAttributeValues": {value: {"N": str(amount)} for amount, value in values.items()},
    }
    if OPEN in added:
        update["ExpressionAttributeNames"] = {_name(OPEN): OPEN}
    return {"Update": update}


def within(action: Action, most: int) -> Action:
    """`action` on the key's item on condition that fewer than `most` turns are open."""
    update = action["Update"]
    name = _name(OPEN)
    update["ExpressionAttributeNames"] = {name: OPEN}
    update["ExpressionAttributeValues"][":most"] = {"N": str(most)}
    return conditional(action, [f"(attribute_not_exists({name}) OR {name} < :most)"])


def limited(action: Action, demands: Sequence[Demand], removed: Sequence[str]) -> Action:
    """`action` on condition that every demand has room; it also removes outdated attributes."""
    update = action["Update"]
    if removed:
        update["UpdateExpression"] += " REMOVE " + ", ".join(removed)
    conditions = []
    for place, demand in enumerate(demands):
        name = attribute(demand)
        conditions.append(f"(attribute_not_exists({name}) OR {name} <= :l{place})")
        update["ExpressionAttributeValues"][f":l{place}"] = {"N": str(demand.room)}
    return conditional(action, conditions)


def spending(action: Action, spent: dict[str, int]) -> list[str]:
    """The conditions under which `action` finds the room that is spent."""
    values = {f":s{place}": {"N": str(amount)} for place, amount in enumerate(spent.values())}
    action["Update"]["ExpressionAttributeValues"] |= values
    return [f"{name} >= :s{place}" for place, name in enumerate(spent)]


def refused(
    demands: Sequence[Demand], found: dict[SubjectKind, Attributes], now: int, concurrent: int | None = None
) -> LimitExceeded:
    """The first of the demands that had no room, by the items as the conditions found them."""
    failed = [demand for demand in demands if demand.limit.subject in found]
    return refusal(failed, found, now, concurrent) or failed[0].refusal(failed[0].room + failed[0].asked, now)


def refusal(
    demands: Sequence[Demand], found: dict[SubjectKind, Attributes], now: int, concurrent: int | None
) -> LimitExceeded | None:
    """The first of the demands that has no room in the items, or the key's places where all are taken."""
    for demand in demands:
        used = amount_of(found[demand.limit.subject], attribute(demand))
        if used > demand.room:
            return demand.refusal(used, now)
    taken = running(found.get("key", {}))
    return refuse_busy(concurrent, taken) if concurrent is not None and taken >= concurrent else None


def conditional(action: Action, conditions: Sequence[str]) -> Action:
    """`action` on further conditions, whose failure shows the item."""
    update = action["Update"]
    known = [update["ConditionExpression"]] if "ConditionExpression" in update else []
    if conditions:
        update["ConditionExpression"] = " AND ".join([*known, *conditions])
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return action


def _name(attribute: str) -> str:
    """How an expression calls an attribute: `open` is a word of the language."""
    return f"#{attribute}" if attribute == OPEN else attribute


def attribute(demand: Demand) -> str:
    """The attribute that a demand is about."""
    return demand.period.label + METER_LETTERS[demand.meter]


def labels_of(now: float) -> list[str]:
    """What attributes of the windows of `now` begin with."""
    return [_label(window, now) for window in WINDOWS]


def window_letter(window: Window) -> str:
    """What the labels of a window begin with."""
    return _label(window, 0)[0]


def _label(window: Window, now: float) -> str:
    return _label_in(window, int(now) // 60)


@lru_cache(maxsize=256)
def _label_in(window: Window, minute: int) -> str:
    """Every window begins with a minute."""
    return period(window, minute * 60).label


def amount_of(item: Attributes, name: str) -> int:
    """What an attribute says; one that is not there says 0."""
    return int(item[name]["N"]) if name in item else 0


def kept(names: Sequence[str], now: float) -> tuple[str, ...]:
    """The `names` but those that a charge at `now` adds to: DynamoDB refuses to add to what it removes."""
    current = tuple(labels_of(now))
    return tuple(name for name in names if not name.startswith(current))
