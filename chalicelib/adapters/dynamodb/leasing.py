"""Room for a turn whose shard has too little: leased from the root in blocks, or given by other shards.

One transaction moves the room and charges the turn. Each of its parts is conditional on the room that it takes, so that
the root never passes a limit and no room is spent twice; what was read before only says what to try. Keys of a tenant
may have other limits, and a plan may change: who takes the root past the limits of a family closes it first, so that
its turns ask the root again. That opens it anew where it is within them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from msgspec import Struct

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import (
    adding,
    amount_of,
    amounts,
    conditional,
    kept,
    outdated,
    refusal,
    within,
)
from chalicelib.adapters.dynamodb.places import Place, places
from chalicelib.adapters.dynamodb.shards import LEASED_TO, OPEN_TO, OPENED, home, minute_of, open_families, shards_of
from chalicelib.adapters.dynamodb.table import Attributes, subject_key
from chalicelib.adapters.dynamodb.transact import Action, write
from chalicelib.domain.ledger import Demand, counts, opening
from chalicelib.domain.turn import Reservation

BLOCKS: Final = 16  # into which each shard's part of a limit is cut: what lies idle is at most one of them a shard
UNLIMITED_BLOCK: Final = 64  # times the charge, where there is no limit to cut
MOST_DONORS: Final = 25  # shards that give room to one subject of one turn; a transaction has 100 actions
_MOST_CLOSED: Final = 6  # families in one transaction


class Move(Struct, frozen=True):
    """How one attribute gets its room: what the root leases or takes back, and what each donor (by its place) gives."""

    leased: int = 0
    given: dict[int, int] = {}

    @property
    def all(self) -> int:
        """What comes together."""
        return self.leased + sum(self.given.values())


class Way(Struct, frozen=True):
    """How a place is charged: the moves by attribute, the families that stay open, and whether the root is asked.

    The shard is open afterwards if the root `opens` it: if it is within all limits, asked for or not.
    """

    moves: dict[str, Move]
    open: frozenset[str]
    asks: bool
    opens: bool

    def came(self, name: str) -> int:
        """The room that comes for an attribute."""
        return self.moves[name].all if name in self.moves else 0


def leasing(
    database: Database, reservation: Reservation, wanted: Sequence[Demand]
) -> tuple[list[Action], list[Action]]:
    """The charge of each subject, and the moves of room that it needs; `LimitExceeded` where there is not enough."""
    found = places(database, reservation)
    most = reservation.concurrent if counts(reservation) else None
    whole = {place.subject.kind: place.whole for place in found}
    if refused := refusal(wanted, whole, reservation.made_at, most):
        raise refused
    charges, moves = [], []
    for place in found:
        way = _way(database, place)
        charge = _charge(database, place, way)
        charges.append(within(charge, most) if most is not None and place.subject.kind == "key" else charge)
        moves += ([_lease(database, place, way)] if way.asks else []) + _gifts(database, place, way)
    return charges, moves


def _way(database: Database, place: Place) -> Way:
    moves = {name: move for name in place.asked if (move := _move(place, name)).leased or move.given}
    beside = [name for name in place.limits if name not in place.asked]
    return Way(
        moves,
        _closed_passed(database, place, moves),
        asks=bool(place.family) and (not place.is_open or any(move.leased for move in moves.values())),
        opens=all(amount_of(place.root, name) <= place.limits[name] for name in beside),
    )


def _move(place: Place, name: str) -> Move:
    """Where the room for an attribute comes from that lacks some, or whose root is above the turn's own limit."""
    charge, free = place.asked[name], place.free(name, place.limits.get(name))
    if not place.family:
        return Move(0, _given(place, name, 0 if free is None else charge - free))
    lack = charge - amount_of(place.charged, name)
    leased = 0 if place.is_open and lack <= 0 else _leased(place, name, lack)
    return Move(leased, _given(place, name, lack - leased))


def _leased(place: Place, name: str, lack: int) -> int:
    """What the root leases: a block, as far as its limits let it; less where others' would be passed for no need."""
    if name in place.limits:
        block = place.limits[name] // (BLOCKS * place.reservation.shards)
    else:
        block = UNLIMITED_BLOCK * place.asked[name]
    wanted, free = max(lack, block) if lack > 0 else 0, place.free(name, place.limits.get(name))
    leased = wanted if free is None else min(wanted, free)
    room = place.free(name, place.most(name, open_families(place.root)))
    return leased if room is None or leased <= room else max(room, min(leased, lack))


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


def _closed_passed(database: Database, place: Place, moves: dict[str, Move]) -> frozenset[str]:
    """Close the families whose limits the root is about to pass, and those that are idle; which are open then."""
    known = open_families(place.root)
    passed = [each for each in sorted(known - {place.family}) if _is_passed(place, moves, each) or place.is_idle(each)]
    still = known.difference(passed[:_MOST_CLOSED])
    if still != known:
        table = database.tables.ledger
        root = {"TableName": table, "Key": subject_key(place.subject), "UpdateExpression": f"REMOVE {OPEN_TO}"}
        closed = [
            {"Update": {"TableName": table, "Key": key, "UpdateExpression": f"REMOVE {OPENED}"}}
            for key in shards_of(place.subject, known - still)
        ]
        if still:
            root |= {
                "UpdateExpression": f"SET {OPEN_TO} = :still",
                "ExpressionAttributeValues": _named(":still", still),
            }
        write(database, [_while_open({"Update": root}, known), *closed])  # if not, what is open is not as it was read
    return still


def _is_passed(place: Place, moves: dict[str, Move], other: str) -> bool:
    """Whether the turn takes the root past a limit of another family."""
    for name, charge in place.asked.items():
        move = moves.get(name, Move())
        added = move.leased if place.family else charge - move.all
        room = place.free(name, place.most(name, [other]))
        if added > 0 and room is not None and added > room:
            return True
    return False


def _charge(database: Database, place: Place, way: Way) -> Action:
    """The charge, with the room that comes in, on condition that what was there before is still there."""
    reservation, sign = place.reservation, 1 if place.family else -1
    added = amounts(opening(reservation), place.subject, reservation.made_at, leased=bool(place.family))
    added |= {name: added.get(name, 0) + sign * way.came(name) for name in way.moves}
    action = adding(database.tables.ledger, home(reservation, place.subject), added)
    if place.family and way.asks and way.opens:
        action["Update"]["UpdateExpression"] += f" SET {OPENED} = :opened"
        action["Update"]["ExpressionAttributeValues"] |= minute_of(reservation)
    _remove(action, place.charged, reservation)
    if not place.family:
        return _while_open(_below(action, place, way.open, added), way.open)
    if not way.asks:
        action["Update"]["ExpressionAttributeValues"] |= minute_of(reservation)
        conditional(action, [f"{OPENED} = :opened"])
    return _roomy(action, {name: charge - way.came(name) for name, charge in place.asked.items()})


def _lease(database: Database, place: Place, way: Way) -> Action:
    """The root leases room, or takes some back, within its limits."""
    leased = {name: move.leased for name, move in way.moves.items() if move.leased}
    action = adding(database.tables.ledger, subject_key(place.subject), leased)
    update = action["Update"]
    update["UpdateExpression"] += f"{', ' if leased else ''}{LEASED_TO} :family"
    update["ExpressionAttributeValues"][":family"] = {"SS": [place.family]}
    if way.opens and place.family not in way.open:
        update["UpdateExpression"] += f" SET {OPEN_TO} = :open"
        update["ExpressionAttributeValues"] |= _named(":open", way.open | {place.family})
    _remove(action, place.root, place.reservation)
    beside = [name for name in place.limits if name not in place.asked] if way.opens else []
    return _while_open(_below(action, place, way.open, dict.fromkeys([*place.asked, *beside], 0) | leased), way.open)


def _gifts(database: Database, place: Place, way: Way) -> list[Action]:
    """Each donor gives its part of every attribute, if it still has it."""
    gifts: dict[int, dict[str, int]] = {}
    for name, move in way.moves.items():
        for number, amount in move.given.items():
            gifts.setdefault(number, {})[name] = amount
    table = database.tables.ledger
    return [
        _roomy(adding(table, place.others[number][0], {name: -amount for name, amount in given.items()}), given)
        for number, given in gifts.items()
    ]


def _roomy(action: Action, taken: dict[str, int]) -> Action:
    """`action` on a shard on condition that it has what is taken; what it never had is none."""
    values: dict[str, Any] = {f":g{place}": {"N": str(amount)} for place, amount in enumerate(taken.values())}
    action["Update"]["ExpressionAttributeValues"] |= values
    floors = [(name, f">= :g{place}", amount) for place, (name, amount) in enumerate(taken.items())]
    return conditional(
        action, [f"{name} {floor}" if amount > 0 else _or_new(name, floor) for name, floor, amount in floors]
    )


def _below(action: Action, place: Place, families: Iterable[str], added: dict[str, int]) -> Action:
    """`action` on the root on condition that what it adds leaves it within all limits."""
    conditions = []
    for number, (name, amount) in enumerate(added.items()):
        most = place.most(name, families if amount > 0 else ())
        if most is not None:
            conditions.append(_or_new(name, f"<= :l{number}"))
            action["Update"]["ExpressionAttributeValues"][f":l{number}"] = {"N": str(most - amount)}
    return conditional(action, conditions)


def _while_open(action: Action, families: frozenset[str]) -> Action:
    """`action` on the root on condition that it is open to these families and no others."""
    if not families:
        return conditional(action, [f"attribute_not_exists({OPEN_TO})"])
    values = action["Update"].setdefault("ExpressionAttributeValues", {})
    values |= _named(":families", families)
    return conditional(action, [f"{OPEN_TO} = :families"])


def _named(value: str, families: Iterable[str]) -> Attributes:
    return {value: {"S": " ".join(sorted(families))}}


def _remove(action: Action, item: Attributes, reservation: Reservation) -> None:
    old = kept(outdated(item, reservation.made_at), reservation.made_at)
    if old:
        action["Update"]["UpdateExpression"] += " REMOVE " + ", ".join(old)


def _or_new(name: str, comparison: str) -> str:
    return f"(attribute_not_exists({name}) OR {name} {comparison})"
