"""A user's days: an item for each day and model, beside the counters that its turns charge.

An attribute is an outcome and a figure's letter, `answered_t`. So an item is within one write unit, however many models
there are, and it goes by itself.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, Final, get_args

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import adding, amount_of
from chalicelib.adapters.dynamodb.shards import families_of, home, read, shards_of
from chalicelib.adapters.dynamodb.table import Attributes, book_key, identity, subject_key
from chalicelib.adapters.dynamodb.transact import Action
from chalicelib.domain.budget import Period, Subject
from chalicelib.domain.daybook import Told, day_of, days_told, user_of
from chalicelib.domain.turn import Reservation
from chalicelib.domain.usage import DAYS_BACK, Day, Outcome, Tally

_LETTERS: Final = dict(zip(Tally.__struct_fields__, "tiousv", strict=True))
_OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
_KEPT_SECONDS: Final = (DAYS_BACK + 5) * 86_400


def booking(database: Database, reservation: Reservation, told: Told) -> list[Action]:
    """What a step tells is added to the day of the reservation."""
    if not told or reservation.note is None:
        return []
    day = day_of(reservation)
    key = book_key(home(reservation, user_of(reservation)), day.label, reservation.note.model)
    added = {
        f"{outcome}_{letter}": amount
        for outcome, tally in told.items()
        for name, letter in _LETTERS.items()
        if (amount := getattr(tally, name))
    }
    action = adding(database.tables.ledger, key, added)
    update = action["Update"]
    update["UpdateExpression"] = f"SET #ttl = :ttl {update['UpdateExpression']}"
    update["ExpressionAttributeNames"] = {"#ttl": "ttl"}
    update["ExpressionAttributeValues"][":ttl"] = {"N": str(day.ends + _KEPT_SECONDS)}
    return [action]


def days(database: Database, user: Subject, now: float) -> list[Day]:
    """One BatchGetItem for the root, and a Query for it and each of its shards."""
    key = subject_key(user)
    root = read(database, [key]).get(identity(key), {})
    places, periods = [key, *shards_of(user, families_of(root))], days_told(now)
    found = (item for place in places for item in batch.query(database, _request(database, place, periods)))
    return _summed(found, {each.label: each for each in periods})


def _request(database: Database, place: Attributes, periods: tuple[Period, ...]) -> dict[str, Any]:
    first, last = book_key(place, periods[0].label), book_key(place, f"{periods[-1].label}$")
    return {
        "TableName": database.tables.ledger,
        "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
        "ExpressionAttributeValues": {":pk": first["pk"], ":first": first["sk"], ":last": last["sk"]},
        "ConsistentRead": True,
    }


def _summed(items: Iterable[Attributes], periods: dict[str, Period]) -> list[Day]:
    sums: defaultdict[tuple[str, str], dict[Outcome, Tally]] = defaultdict(dict)
    for item in items:
        _, label, model = item["sk"]["S"].split("#", 2)
        for outcome in _OUTCOMES:
            found = Tally(*(amount_of(item, f"{outcome}_{letter}") for letter in _LETTERS.values()))
            if found != Tally():
                sums[label, model][outcome] = sums[label, model].get(outcome, Tally()) + found
    return [Day(periods[label], model, outcomes) for (label, model), outcomes in sorted(sums.items())]
