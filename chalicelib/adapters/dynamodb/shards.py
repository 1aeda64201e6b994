"""Where a hot subject's counters are: one root item that leases room, and shards that turns spend it from.

A shard's window attribute is the room that is left to it, the root's what was charged there or leased. So the root
bounds what was used, and root minus all rooms is what was used. Shards of other limits, or of another number, have
other names: a plan that changes begins with none of the old room. The root names the families in `leased_to`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from zlib import crc32

import msgspec

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import is_window
from chalicelib.adapters.dynamodb.table import Attributes, identity, shard_key, subject_key
from chalicelib.domain.budget import Subject
from chalicelib.domain.turn import Reservation

LEASED_TO: Final = "leased_to"
_READ: Final = 100  # what one BatchGetItem takes


def is_hot(reservation: Reservation, subject: Subject) -> bool:
    """Whether the reservation charges a shard of the subject. A key whose places are limited has one exact item."""
    exact = subject.kind == "key" and reservation.concurrent is not None
    return reservation.shards > 0 and subject.kind in reservation.hot and not exact


def family(reservation: Reservation, subject: Subject) -> str:
    """The name of all shards whose room was leased under the same limits; it ends with their number."""
    limits = [each for each in reservation.limits if each.subject == subject.kind]
    return f"{crc32(msgspec.json.encode(limits)):08x}.{reservation.shards}"


def home(reservation: Reservation, subject: Subject) -> Attributes:
    """The item that the reservation charges for the subject, and settles at."""
    if not is_hot(reservation, subject):
        return subject_key(subject)
    place = crc32(reservation.turn_id.encode()) % reservation.shards
    return shard_key(subject, reservation.families[subject.kind], place)


def named(reservation: Reservation) -> Reservation:
    """The reservation with the families of its hot subjects, which its record keeps for its end."""
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
