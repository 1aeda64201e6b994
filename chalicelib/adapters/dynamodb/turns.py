"""The life of a reservation: each step a transaction that the reservation's record allows.

The record (state open, then settled, released or expired) is what makes a step happen once: a repetition after
a lost reply finds the state that it wanted, whoever repeats it, the SDK, a queue or a caller.
"""

from __future__ import annotations

from typing import Final

import msgspec

from chalicelib.adapters.dynamodb.bodies import Packed, digest_of, pack, removed_places
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.daybook import booking
from chalicelib.adapters.dynamodb.expiry import expire
from chalicelib.adapters.dynamodb.leasing import leasing
from chalicelib.adapters.dynamodb.ledger import refused
from chalicelib.adapters.dynamodb.recall import Recall
from chalicelib.adapters.dynamodb.shards import families_of, is_hot, named
from chalicelib.adapters.dynamodb.steps import (
    RECORD,
    beginning,
    charging,
    counting,
    ending,
    forgetting,
    leading,
    moving,
    recording,
)
from chalicelib.adapters.dynamodb.table import Attributes, lease_item, lease_key, left_of, record_ends
from chalicelib.adapters.dynamodb.transact import Action, Refusal, Refusals, write
from chalicelib.adapters.dynamodb.turn_items import drop_parts, drop_stale_parts, put_parts
from chalicelib.domain.budget import Charge, Subject
from chalicelib.domain.conversation import Turn
from chalicelib.domain.daybook import RefusedTurns, Told, change, told, told_at_once
from chalicelib.domain.errors import Conflict, LimitExceeded, NotFound, StoreBusy, StoreUnavailable
from chalicelib.domain.lead import Overtaken
from chalicelib.domain.ledger import Demand, closing, counts, demands, owner_of
from chalicelib.domain.turn import Cue, LeaseState, Left, Memory, Reservation, Settlement

_LEASES: Final = 8  # how often others may take the room that was found
_EDITS: Final = 8  # how often items of one open turn may be deleted while it settles
_OPEN: Final[LeaseState] = "open"
_EXPIRED: Final[LeaseState] = "expired"


class DynamoTurns:
    """`Turns` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recall = Recall(database)
        self._refused = RefusedTurns()

    def recall(self, cue: Cue) -> Memory:
        """One BatchGetItem."""
        return self._recall(cue)

    def reserve(self, reservation: Reservation) -> None:
        """One TransactWriteItems; parts of a large turn go before it."""
        try:
            self._reserve(named(reservation), demands(reservation))
        except LimitExceeded:
            self._refused.add(reservation)
            raise

    def _reserve(self, reservation: Reservation, wanted: tuple[Demand, ...]) -> None:
        packed = _packed(reservation, reservation.turn)
        if packed:
            put_parts(self._database, packed, until=None if reservation.final else record_ends(reservation))
        record = recording(self._database, lease_item(reservation) | (digest_of(packed) if packed else {}))
        outdated = [self._recall.outdated(subject) for subject in reservation.subjects]
        charges = charging(self._database, reservation, wanted, outdated)
        begun = [
            *beginning(self._database, reservation, packed),
            *booking(self._database, reservation, told_at_once(reservation)),
            *leading(self._database, reservation.lead),
        ]
        refusals = write(self._database, [record, *charges, *begun], shared=False)
        if _lacks_room(reservation, refusals):
            refusals = self._lease(reservation, wanted, [record, *begun])
        if reservation.lead and RECORD not in refusals and len(charges) + len(begun) in refusals:
            raise Overtaken
        fault = _fault(reservation, refusals, wanted, len(charges))
        if fault is not None:
            if packed and not isinstance(fault, LimitExceeded):  # else a late request may still be admitted with them
                drop_parts(self._database, packed)
            raise fault

    def _lease(self, reservation: Reservation, wanted: tuple[Demand, ...], others: list[Action]) -> Refusals:
        """Reserve with room from elsewhere: a read of all that has some, and a TransactWriteItems, until one holds."""
        record, *begun = others
        for attempt in range(1, _LEASES + 1):
            charges, moves = leasing(self._database, reservation, wanted)
            refusals = write(self._database, [record, *charges, *begun, *moves], shared=False)
            fixed = {RECORD, *range(1 + len(charges), 1 + len(charges) + len(begun))}
            if not refusals or not fixed.isdisjoint(refusals):
                return {place: each for place, each in refusals.items() if place in fixed}
            self._database.pause(attempt)
        raise StoreBusy("the room for the turn went elsewhere each time")

    def settle(self, reservation: Reservation, settlement: Settlement) -> None:
        """One TransactWriteItems; one more where the lease ran out, or the turn was edited or deleted meanwhile."""
        reservation = named(reservation)
        refused = self._refused.take(reservation)
        refusals = self._settled_from(reservation, _OPEN, settlement, refused)
        if _has_expired(refusals, _OPEN):
            refusals = self._settled_from(reservation, _EXPIRED, settlement, refused)
        if refusals:
            self._refused.add(reservation, sum(each.turns for each in refused.values()))

    def release(self, reservation: Reservation) -> None:
        """One TransactWriteItems, two where the lease ran out; what never arrived is kept from arriving."""
        reservation = named(reservation)
        refusals = self._release(reservation)
        packed = _packed(reservation, reservation.turn)
        if RECORD in refusals and refusals[RECORD].item is None:
            barred = lease_item(msgspec.structs.replace(reservation, final=True)) | {"state": {"S": "released"}}
            failed = booking(self._database, reservation, told(reservation, "released"))
            if not write(self._database, [recording(self._database, barred), *failed]):
                if packed:
                    drop_parts(self._database, packed)  # the number may be another turn's: its parts stay
                return
            refusals = self._release(reservation)
        if packed and packed.parts and not refusals:
            drop_stale_parts(self._database, str(reservation.conversation), packed.number)

    def left(self, turn_id: str) -> Left | None:
        """One GetItem."""
        request = {"TableName": self._database.tables.ledger, "Key": lease_key(turn_id), "ConsistentRead": True}
        record = self._database.call("get_item", request).get("Item")
        return left_of(record) if record else None

    def expire(self, before: float, limit: int) -> int:
        """A Query for each shard of the open leases, and a transaction for each lease."""
        return expire(self._database, before, limit)

    def _settled_from(
        self, reservation: Reservation, state: LeaseState, settlement: Settlement, refused: Told
    ) -> Refusals:
        turn, removed = settlement.turn, frozenset[int]()
        for _ in range(_EDITS):
            packed = _packed(reservation, turn, removed)
            if packed:
                put_parts(self._database, packed)
            closed = self._closing(reservation, (state, "settled"), settlement, refused)
            refusals = write(self._database, [*closed, *ending(self._database, packed, removed)])
            if packed and not _has_expired(refusals, state):  # what expired is settled with the same parts
                self._tidy(reservation, packed, removed, written=not refusals)
            if not refusals or RECORD in refusals:
                return refusals
            stored = refusals[len(closed)].item
            turn = turn if stored and stored["turn_id"]["S"] == reservation.turn_id else None
            removed = removed_places(stored or {})
        raise StoreUnavailable("the turn was edited each time it was settled")

    def _release(self, reservation: Reservation) -> Refusals:
        refusals = self._released_from(reservation, _OPEN)
        return self._released_from(reservation, _EXPIRED) if _has_expired(refusals, _OPEN) else refusals

    def _released_from(self, reservation: Reservation, state: LeaseState) -> Refusals:
        actions = self._closing(reservation, (state, "released"), Settlement(Charge()), {})
        if reservation.conversation is not None and reservation.turn is not None:
            actions.append(forgetting(self._database, reservation.conversation, reservation.turn))
        return write(self._database, actions)

    def _closing(
        self, reservation: Reservation, states: tuple[LeaseState, LeaseState], end: Settlement, refused: Told
    ) -> list[Action]:
        """The reservation goes from the first state, provided that it is in it, to the second; and that is told."""
        before, after = states
        news = change(told(reservation, before), told(reservation, after, end))
        return [
            moving(self._database, reservation.turn_id, before, after),
            *counting(self._database, reservation, closing(reservation, before, end.charge)),
            *booking(self._database, reservation, news | refused),
        ]

    def _tidy(self, reservation: Reservation, packed: Packed, removed: frozenset[int], *, written: bool) -> None:
        """Take back the parts of whichever body is not the turn's: the new one, or the one that was reserved."""
        obsolete = _packed(reservation, reservation.turn, removed) if written else packed
        if obsolete:
            drop_parts(self._database, obsolete)


def _lacks_room(reservation: Reservation, refusals: Refusals) -> bool:
    """Whether nothing but room is in the way, and some of it may be elsewhere."""
    subjects = dict(enumerate(reservation.subjects, start=1))
    if not refusals.keys() <= subjects.keys():
        return False
    return any(_is_elastic(reservation, subjects[place], each) for place, each in refusals.items())


def _is_elastic(reservation: Reservation, subject: Subject, refusal: Refusal) -> bool:
    """Whether the refused item may get room from another."""
    return is_hot(reservation, subject) or bool(families_of(refusal.item or {}))


def _has_expired(refusals: Refusals, before: LeaseState) -> bool:
    """Whether a step from `before` met a lease that ran out meanwhile."""
    record = refusals[RECORD].item if RECORD in refusals else None
    return record is not None and before == _OPEN and record["state"] == {"S": _EXPIRED}


def _packed(reservation: Reservation, turn: Turn | None, removed: frozenset[int] = frozenset()) -> Packed | None:
    """The turn as it is stored under the number that was reserved."""
    if reservation.conversation is None or reservation.turn is None or turn is None:
        return None
    numbered = msgspec.structs.replace(turn, id=reservation.turn_id, number=reservation.turn.number)
    return pack(reservation.conversation, numbered, removed)


def _fault(
    reservation: Reservation, refusals: Refusals, wanted: tuple[Demand, ...], charges: int
) -> NotFound | LimitExceeded | Conflict | None:
    """Why nothing was reserved; None where it was, now or by the same reservation before."""
    if RECORD in refusals:
        return _unlike(reservation, refusals[RECORD].item or {})
    return _reason(reservation, refusals, wanted, charges) if refusals else None


def _unlike(reservation: Reservation, record: Attributes) -> Conflict | None:
    """Why the record that is there does not let the turn run: it has another number, or its charge is spent or gone."""
    number = str(reservation.turn.number) if reservation.conversation and reservation.turn else None
    if record.get("number", {}).get("N") != number:
        return Conflict(f"Turn '{reservation.turn_id}' has another number already.")
    allowed = {"settled"} if reservation.final else {_OPEN, _EXPIRED}
    return None if record["state"]["S"] in allowed else Conflict(f"Turn '{reservation.turn_id}' is over.")


def _reason(
    reservation: Reservation, refusals: Refusals, wanted: tuple[Demand, ...], charges: int
) -> NotFound | LimitExceeded | Conflict:
    """Whose condition was in the way: the head stands behind the record and the `charges`."""
    head = refusals.get(1 + charges)
    if head is not None and (head.item is None or head.item.get("owner") != {"S": owner_of(reservation.subjects)}):
        return NotFound("conversation", str(reservation.conversation))
    found = {
        subject.kind: refusals[place].item or {}
        for place, subject in enumerate(reservation.subjects, start=1)
        if place in refusals and place <= charges and not _is_elastic(reservation, subject, refusals[place])
    }
    if found:
        return refused(wanted, found, reservation.made_at, reservation.concurrent if counts(reservation) else None)
    return Conflict(f"Conversation '{reservation.conversation}' went on meanwhile.")
