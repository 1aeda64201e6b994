"""Room for a turn whose shard has too little: leased from the root in blocks, or given by other shards.

One transaction moves the room and charges the turn. Each of its parts is conditional on the room that it takes, so that
the root never passes a limit and no room is spent twice; what was read before only says what to try.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import (
    adding,
    amount_of,
    amounts,
    attribute,
    conditional,
    is_window,
    kept,
    outdated,
    refusal,
    within,
)
from chalicelib.adapters.dynamodb.shards import LEASED_TO, families_of, folded, home, is_hot, read, shards_of
from chalicelib.adapters.dynamodb.table import Attributes, identity, subject_key
from chalicelib.adapters.dynamodb.transact import Action
from chalicelib.domain.budget import Subject
from chalicelib.domain.ledger import Demand, counts, opening
from chalicelib.domain.turn import Reservation

BLOCKS: Final = 16  # into which each shard's part of a limit is cut: what lies idle is at most one of them a shard
UNLIMITED_BLOCK: Final = 64  # times the charge, where there is no limit to cut
MOST_DONORS: Final = 25  # shards that give room to one subject of one turn; a transaction has 100 actions


class Place(Struct, frozen=True):
    """A subject as it was read: its root, the item to charge, and the other shards with their keys."""

    subject: Subject
    root: Attributes
    charged: Attributes
    others: list[tuple[Attributes, Attributes]]


class Move(Struct, frozen=True):
    """How one attribute gets its room: what the root leases, and what each donor (by its place) gives."""

    leased: int
    given: dict[int, int]

    @property
    def all(self) -> int:
        """What comes together."""
        return self.leased + sum(self.given.values())


def leasing(
    database: Database, reservation: Reservation, wanted: Sequence[Demand]
) -> tuple[list[Action], list[Action]]:
    """The charge of each subject, and the moves of room that it needs; `LimitExceeded` where there is not enough."""
    places = _places(database, reservation)
    whole = {
        each.subject.kind: folded(each.root, [item for _, item in each.others] + _shard(reservation, each))
        for each in places
    }
    if refused := refusal(wanted, whole, reservation.made_at, _most(reservation)):
        raise refused
    charges, moves = [], []
    for place in places:
        mine = [demand for demand in wanted if demand.limit.subject == place.subject.kind]
        plan = _planned(reservation, place, mine)
        charges.append(_charge(database, reservation, place, mine, plan))
        moves += _lease(database, reservation, place, mine, plan) + _gifts(database, place, plan)
    return charges, moves


def _places(database: Database, reservation: Reservation) -> list[Place]:
    """One read of what the reservation knows, and one of the shards that only the roots know, if there are any."""
    known = {subject: _family(reservation, subject) for subject in reservation.subjects}
    roots = [subject_key(subject) for subject in known]
    found = read(database, [*roots, *(key for each, mine in known.items() for key in shards_of(each, mine))])
    others = {
        subject: shards_of(subject, families_of(found.get(identity(root), {})) - known[subject])
        for subject, root in zip(known, roots, strict=True)
    }
    found |= read(database, [key for keys in others.values() for key in keys])
    return [
        _place(reservation, subject, [*shards_of(subject, known[subject]), *keys], found)
        for subject, keys in others.items()
    ]


def _family(reservation: Reservation, subject: Subject) -> frozenset[str]:
    return frozenset({reservation.families[subject.kind]} if is_hot(reservation, subject) else ())


def _place(
    reservation: Reservation, subject: Subject, shards: list[Attributes], found: dict[tuple[str, str], Attributes]
) -> Place:
    charged = home(reservation, subject)
    others = [(key, found[identity(key)]) for key in shards if key != charged and identity(key) in found]
    root = found.get(identity(subject_key(subject)), {})
    return Place(subject, root, found.get(identity(charged), {}), others)


def _shard(reservation: Reservation, place: Place) -> list[Attributes]:
    return [place.charged] if is_hot(reservation, place.subject) else []


def _most(reservation: Reservation) -> int | None:
    return reservation.concurrent if counts(reservation) else None


def _planned(reservation: Reservation, place: Place, mine: Sequence[Demand]) -> dict[str, Move]:
    """Where the room for each attribute that lacks some comes from."""
    hot = is_hot(reservation, place.subject)
    asked = amounts(opening(reservation), place.subject, reservation.made_at)
    plan = {}
    for name, charge in asked.items():
        if not is_window(name):
            continue
        limits = [demand.room + demand.asked for demand in mine if attribute(demand) == name]
        free = min(limits) - amount_of(place.root, name) if limits else None
        lack = charge - amount_of(place.charged, name) if hot else charge - (charge if free is None else free)
        if lack > 0:
            block = min(limits) // (BLOCKS * reservation.shards) if limits and hot else UNLIMITED_BLOCK * charge
            leased = _leased(lack, block, free) if hot else 0
            plan[name] = Move(leased, _given(place, name, lack - leased))
    return plan


def _leased(lack: int, block: int, free: int | None) -> int:
    wanted = max(lack, block)
    return wanted if free is None else max(0, min(wanted, free))


def _given(place: Place, name: str, lack: int) -> dict[int, int]:
    """What the richest of the others give."""
    rooms = sorted(((amount_of(item, name), number) for number, (_, item) in enumerate(place.others)), reverse=True)
    given = {}
    for room, number in rooms[:MOST_DONORS]:
        if lack <= 0 or room <= 0:
            break
        given[number] = min(room, lack)
        lack -= given[number]
    return given


def _charge(
    database: Database, reservation: Reservation, place: Place, mine: Sequence[Demand], plan: dict[str, Move]
) -> Action:
    """The charge, with the room that comes in, on condition that what was there before is still there."""
    subject, hot = place.subject, is_hot(reservation, place.subject)
    added = amounts(opening(reservation), subject, reservation.made_at, leased=hot)
    conditions, values = [], {}
    for number, (name, charge) in enumerate(each for each in added.items() if is_window(each[0])):
        came = plan[name].all if name in plan else 0
        if hot:
            floor = -charge - came
            conditions.append(f"{name} >= :f{number}" if floor > 0 else _or_new(name, f">= :f{number}"))
            values[f":f{number}"] = {"N": str(floor)}
    for number, demand in enumerate(mine if not hot else ()):
        came = plan[attribute(demand)].all if attribute(demand) in plan else 0
        conditions.append(_or_new(attribute(demand), f"<= :l{number}"))
        values[f":l{number}"] = {"N": str(demand.room + came)}
    for name, move in plan.items():
        added[name] += move.all if hot else -move.all
    action = adding(database.tables.ledger, home(reservation, subject), added)
    _remove(action, place.charged, reservation)
    action["Update"]["ExpressionAttributeValues"] |= values
    conditional(action, conditions)
    most = _most(reservation)
    return within(action, most) if most is not None and subject.kind == "key" else action


def _lease(
    database: Database, reservation: Reservation, place: Place, mine: Sequence[Demand], plan: dict[str, Move]
) -> list[Action]:
    """The root leases room, within its limits."""
    leased = {name: move.leased for name, move in plan.items() if move.leased}
    if not leased:
        return []
    action = adding(database.tables.ledger, subject_key(place.subject), leased)
    update = action["Update"]
    update["UpdateExpression"] += f", {LEASED_TO} :family"
    update["ExpressionAttributeValues"][":family"] = {"SS": [reservation.families[place.subject.kind]]}
    _remove(action, place.root, reservation)
    conditions = []
    for number, demand in enumerate(mine):
        if (name := attribute(demand)) in leased:
            conditions.append(_or_new(name, f"<= :l{number}"))
            most = demand.room + demand.asked - leased[name]
            update["ExpressionAttributeValues"][f":l{number}"] = {"N": str(most)}
    return [conditional(action, conditions)]


def _gifts(database: Database, place: Place, plan: dict[str, Move]) -> list[Action]:
    """Each donor gives its part of every attribute, if it still has it."""
    gifts: dict[int, dict[str, int]] = {}
    for name, move in plan.items():
        for number, amount in move.given.items():
            gifts.setdefault(number, {})[name] = amount
    actions = []
    for number, given in gifts.items():
        taken = {name: -amount for name, amount in given.items()}
        action = adding(database.tables.ledger, place.others[number][0], taken)
        values: dict[str, Any] = {f":g{each}": {"N": str(amount)} for each, amount in enumerate(given.values())}
        action["Update"]["ExpressionAttributeValues"] |= values
        actions.append(conditional(action, [f"{name} >= :g{each}" for each, name in enumerate(given)]))
    return actions


def _remove(action: Action, item: Attributes, reservation: Reservation) -> None:
    old = kept(outdated(item, reservation.made_at), reservation.made_at)
    if old:
        action["Update"]["UpdateExpression"] += " REMOVE " + ", ".join(old)


def _or_new(name: str, comparison: str) -> str:
    return f"(attribute_not_exists({name}) OR {name} {comparison})"
