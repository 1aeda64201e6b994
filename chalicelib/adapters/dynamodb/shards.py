"""Where a hot subject's counters are: one root item that leases room, and shards that turns spend it from.

A shard's window attribute is the room that is left to it, the root's what was charged there or leased. So the root
bounds what was used, and root minus all rooms is what was used. A family is the shards under the same limits, and has
its name from them: `dt2500mr40.4` is 2,500 tokens a day and 40 requests a minute in 4 shards. The root names all of
them in `leased_to`, and in `open_to` those whose room may be spent without asking the root: it stays within the
limits of each. A shard says in `opened` for which minute, and hence day and month, that is so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import METER_LETTERS, is_window, labels_of, window_letter
from chalicelib.adapters.dynamodb.table import Attributes, identity, shard_key, subject_key
from chalicelib.domain.budget import METERS, Subject, size
from chalicelib.domain.ledger import away
from chalicelib.domain.turn import Reservation

LEASED_TO: Final = "leased_to"
OPEN_TO: Final = "open_to"
OPENED: Final = "opened"
_READ: Final = 100  # what one BatchGetItem takes
_LIMIT: Final = re.compile("([mdn])([rtu])([0-9]+)")


def is_hot(reservation: Reservation, subject: Subject) -> bool:
    """Whether the reservation charges a shard of the subject. A key whose places are limited has one exact item."""
    exact = subject.kind == "key" and reservation.concurrent is not None
    return reservation.shards > 0 and subject.kind in reservation.hot and not exact


def family(reservation: Reservation, subject: Subject) -> str:
    """The name of all shards whose room is leased under the same limits; it ends with their number."""
    most: dict[str, int] = {}
    for limit in reservation.limits:
        for meter in METERS if limit.subject == subject.kind else ():
            if (amount := size(limit, meter)) is not None:
                amount = max(0, amount - away(reservation, limit, meter))
                name = window_letter(limit.window) + METER_LETTERS[meter]
                most[name] = min(amount, most.get(name, amount))
    return "".join(f"{name}{most[name]}" for name in sorted(most)) + f".{reservation.shards}"


def ceilings(name: str, now: float) -> dict[str, int]:
    """The limits of a family by the attributes of the windows of `now`."""
    labels = {label[0]: label for label in labels_of(now)}
    return {labels[window] + meter: int(most) for window, meter, most in _LIMIT.findall(name)}


def open_families(root: Attributes) -> frozenset[str]:
    """The families whose limits the root is within."""
    return frozenset(root[OPEN_TO]["S"].split()) if OPEN_TO in root else frozenset()


def minute_of(reservation: Reservation) -> Attributes:
    """For which minute a shard is open that the reservation may charge."""
    return {":opened": {"S": str(reservation.made_at // 60)}}


def home(reservation: Reservation, subject: Subject) -> Attributes:
    """The item that the reservation charges for the subject, and settles at."""
    if not is_hot(reservation, subject):
        return subject_key(subject)
    place = crc32(reservation.turn_id.encode()) % reservation.shards
    return shard_key(subject, reservation.families[subject.kind], place)


def named(reservation: Reservation) -> Reservation:
    """The reservation with the families of its hot subjects, which its record keeps for its end."""
    if reservation.families:
        return reservation
    hot = (subject for subject in reservation.subjects if is_hot(reservation, subject))
    families = {subject.kind: family(reservation, subject) for subject in hot}
    return msgspec.structs.replace(reservation, families=families) if families else reservation


def shards_of(subject: Subject, families: Iterable[str]) -> list[Attributes]:
    """The keys of every shard of the families."""
    return [shard_key(subject, each, place) for each in sorted(families) for place in range(_number(each))]


def read(database: Database, keys: Sequence[Attributes]) -> dict[tuple[str, str], Attributes]:
    """The ledger's items at `keys` that are there."""
    found: dict[tuple[str, str], Attributes] = {}
    table = database.tables.ledger
    for start in range(0, len(keys), _READ):
        items = batch.read(database, {table: list(keys[start : start + _READ])})
        found |= {(pk, sk): item for (_, pk, sk), item in items.items()}
    return found


def families_of(root: Attributes) -> frozenset[str]:
    """The families that the root has leased room to."""
    return frozenset(root.get(LEASED_TO, {"SS": []})["SS"])


def accounts(database: Database, subjects: Sequence[Subject]) -> dict[Subject, Attributes]:
    """What each subject used, held and saved, as if one item counted it: two round trips where one is hot."""
    roots = read(database, [subject_key(subject) for subject in subjects])
    mine = {subject: roots.get(identity(subject_key(subject)), {}) for subject in subjects}
    keys = {subject: shards_of(subject, families_of(root)) for subject, root in mine.items()}
    found = read(database, [key for each in keys.values() for key in each])
    return {
        subject: folded(root, [found[identity(key)] for key in keys[subject] if identity(key) in found])
        for subject, root in mine.items()
    }


def folded(root: Attributes, shards: Sequence[Attributes]) -> Attributes:
    """The root with what its shards say taken in: room that is left was not used."""
    if not shards:
        return root
    sums = {name: int(value["N"]) for name, value in root.items() if "N" in value}
    for shard in shards:
        for name, value in shard.items():
            if "N" in value:
                amount = int(value["N"])
                sums[name] = sums.get(name, 0) + (-amount if is_window(name) else amount)
    return {**root, **{name: {"N": str(amount)} for name, amount in sums.items()}}


def _number(name: str) -> int:
    return int(name.rpartition(".")[2])
