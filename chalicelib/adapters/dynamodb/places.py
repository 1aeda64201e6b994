"""What a turn finds where its subjects are counted, when its shards have too little room."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import amount_of, amounts, is_window
from chalicelib.adapters.dynamodb.shards import (
    OPENED,
    ceilings,
    families_of,
    family,
    folded,
    home,
    is_hot,
    open_families,
    read,
    shards_of,
)
from chalicelib.adapters.dynamodb.table import Attributes, identity, subject_key
from chalicelib.domain.budget import Subject
from chalicelib.domain.ledger import opening
from chalicelib.domain.turn import Reservation


class Place(Struct, frozen=True):
    """A subject as it was read: its root, the item to charge, and the other shards with their keys.

    `asked` is what the turn charges and `limits` are its own, by attribute. `family` is the shards' that the turn
    charges one of, empty where it charges the root.
    """

    reservation: Reservation
    subject: Subject
    root: Attributes
    charged: Attributes
    others: list[tuple[Attributes, Attributes]]
    asked: dict[str, int]
    limits: dict[str, int]
    family: str

    @property
    def is_open(self) -> bool:
        """Whether the shard's room may be spent without asking the root."""
        return self.family in open_families(self.root) and self._opened(self.charged) == self.minute

    @property
    def minute(self) -> int:
        """The minute that the turn is charged in."""
        return self.reservation.made_at // 60

    @property
    def whole(self) -> Attributes:
        """The root as if it had no shards."""
        mine = [self.charged] if self.family else []
        return folded(self.root, [*mine, *(item for _, item in self.others)])

    def most(self, name: str, families: Iterable[str]) -> int | None:
        """The smallest limit of an attribute, of the turn's own and of all `families`."""
        known = (self.limits, *(ceilings(each, self.reservation.made_at) for each in families))
        return min((limits[name] for limits in known if name in limits), default=None)

    def free(self, name: str, most: int | None) -> int | None:
        """How far the root is below that; None where there is no limit."""
        return None if most is None else most - amount_of(self.root, name)

    def is_idle(self, other: str) -> bool:
        """Whether no shard of a family was opened in this minute or the last."""
        shards = {identity(key) for key in shards_of(self.subject, [other])}
        return all(self._opened(item) < self.minute - 1 for key, item in self.others if identity(key) in shards)

    def _opened(self, shard: Attributes) -> int:
        return int(shard[OPENED]["S"]) if OPENED in shard else 0


def places(database: Database, reservation: Reservation) -> list[Place]:
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
    asked = amounts(opening(reservation), subject, reservation.made_at)
    return Place(
        reservation,
        subject,
        root=found.get(identity(subject_key(subject)), {}),
        charged=found.get(identity(charged), {}),
        others=[(key, found[identity(key)]) for key in shards if key != charged and identity(key) in found],
        asked={name: amount for name, amount in asked.items() if is_window(name)},
        limits=ceilings(family(reservation, subject), reservation.made_at),
        family="".join(_family(reservation, subject)),
    )
