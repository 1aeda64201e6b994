"""The life of a reservation: each step a transaction that the reservation's record allows.

The record (state open, then settled, released or expired) is what makes a step happen once: a repetition after
a lost reply finds the state that it wanted, whoever repeats it, the SDK, a queue or a caller.
"""

from __future__ import annotations

from typing import Final

import msgspec

from chalicelib.adapters.dynamodb.bodies import Packed, pack, removed_places
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.expiry import expire
from chalicelib.adapters.dynamodb.ledger import adding, kept, limited, refused
from chalicelib.adapters.dynamodb.recall import Recall
from chalicelib.adapters.dynamodb.table import (
    Attributes,
    head_key,
    lease_item,
    lease_key,
    turn_key,
)
from chalicelib.adapters.dynamodb.transact import Action, Refusals, write
from chalicelib.adapters.dynamodb.turn_items import drop_parts, drop_stale_parts, put_parts, put_turn
from chalicelib.domain.budget import Charge
from chalicelib.domain.conversation import Turn
from chalicelib.domain.errors import Conflict, LimitExceeded, NotFound, StoreUnavailable
from chalicelib.domain.ledger import Demand, demands, owner_of
from chalicelib.domain.turn import Cue, Memory, Reservation, Settlement

_EDITS: Final = 8  # how often items of one open turn may be deleted while it settles
_RECORD: Final = 0  # its place in every transaction


class DynamoTurns:
    """`Turns` over DynamoDB."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._recall = Recall(database)

    def recall(self, cue: Cue) -> Memory:
        """One BatchGetItem."""
        return self._recall(cue)

    def reserve(self, reservation: Reservation) -> None:
        """One TransactWriteItems; parts of a large turn go before it."""
        wanted = demands(reservation)
        packed = _packed(reservation, reservation.turn)
        if packed:
            put_parts(self._database, packed)
        record = self._record(lease_item(reservation))
        charges = self._charges(reservation, wanted)
        refusals = write(self._database, [record, *charges, *self._opening(reservation, packed)])
        if not refusals or (_RECORD in refusals and _is_number(reservation, refusals[_RECORD].item)):
            return
        if packed:
            drop_parts(self._database, packed)
        if _RECORD in refusals:
            raise Conflict(f"Turn '{reservation.turn_id}' has another number already.")
        raise _reason(reservation, refusals, wanted, len(charges))

    def settle(self, reservation: Reservation, settlement: Settlement) -> None:
        """One TransactWriteItems; one more where the turn was edited or deleted meanwhile."""
        corrected = self._adding(reservation, settlement.charge - reservation.charge)
        turn, removed = settlement.turn, frozenset[int]()
        for _ in range(_EDITS):
            packed = _packed(reservation, turn, removed)
            if packed:
                put_parts(self._database, packed)
            actions = [self._closing(reservation, "settled"), *corrected, *self._ending(packed, removed)]
            refusals = write(self._database, actions)
            if packed:
                self._tidy(reservation, packed, removed, written=not refusals)
            if not refusals or _RECORD in refusals:
                return
            stored = refusals[len(actions) - 1].item
            turn = turn if stored and stored["turn_id"]["S"] == reservation.turn_id else None
            removed = removed_places(stored or {})
        raise StoreUnavailable("the turn was edited each time it was settled")

    def release(self, reservation: Reservation) -> None:
        """One TransactWriteItems; where the reservation never arrived, it is kept from arriving."""
        actions = [
            self._closing(reservation, "released"),
            *self._adding(reservation, Charge() - reservation.charge),
        ]
        if reservation.conversation is not None and reservation.turn is not None:
            actions.append(self._forgetting(reservation.conversation, reservation.turn))
        refusals = write(self._database, actions)
        packed = _packed(reservation, reservation.turn)
        if _RECORD in refusals and refusals[_RECORD].item is None:
            barred = lease_item(msgspec.structs.replace(reservation, final=True)) | {"state": {"S": "released"}}
            if not write(self._database, [self._record(barred)]):
                if packed:
                    drop_parts(self._database, packed)  # the number may be another turn's: its parts stay
                return
            refusals = write(self._database, actions)
        if packed and packed.parts and not refusals:
            drop_stale_parts(self._database, str(reservation.conversation), packed.number)

    def expire(self, before: float, limit: int) -> int:
        """A Query for each shard of the open leases, and a transaction for each lease."""
        return expire(self._database, before, limit)

    def _record(self, item: Attributes) -> Action:
        put = {
            "TableName": self._database.tables.ledger,
            "Item": item,
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"Put": put}

    def _charges(self, reservation: Reservation, wanted: tuple[Demand, ...]) -> list[Action]:
        actions = self._adding(reservation, reservation.charge)
        for action, subject in zip(actions, reservation.subjects, strict=False):
            mine = [demand for demand in wanted if demand.limit.subject == subject.kind]
            limited(action, mine, kept(self._recall.outdated(subject), reservation.made_at))
        return actions

    def _adding(self, reservation: Reservation, charge: Charge) -> list[Action]:
        """An update for each subject, or none where there is nothing to add."""
        if charge == Charge():
            return []
        table = self._database.tables.ledger
        return [adding(table, subject, charge, reservation.made_at) for subject in reservation.subjects]

    def _opening(self, reservation: Reservation, packed: Packed | None) -> list[Action]:
        """The conversation takes the turn as its next one."""
        if packed is None:
            return []
        head = {
            "TableName": self._database.tables.conversations,
            "Key": head_key(str(reservation.conversation)),
            "UpdateExpression": "SET #last = :number, last_id = :id",
            "ConditionExpression": "#owner = :owner AND #last = :before",
            "ExpressionAttributeNames": {"#owner": "owner", "#last": "last"},
            "ExpressionAttributeValues": {
                ":owner": {"S": owner_of(reservation.subjects)},
                ":number": {"N": str(packed.number)},
                ":before": {"N": str(packed.number - 1)},
                ":id": {"S": reservation.turn_id},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return [{"Update": head}, put_turn(self._database, packed, "attribute_not_exists(pk)", {})]

    def _ending(self, packed: Packed | None, removed: frozenset[int]) -> list[Action]:
        """The turn is written as it ended, unless it was edited or deleted since `removed` was seen."""
        if packed is None:
            return []
        values: Attributes = {":id": packed.item["turn_id"]}
        if not removed:
            condition = "turn_id = :id AND attribute_not_exists(removed)"
        else:
            condition = "turn_id = :id AND removed = :removed"
            values[":removed"] = packed.item["removed"]
        return [put_turn(self._database, packed, condition, values)]

    def _closing(self, reservation: Reservation, state: str) -> Action:
        """The record leaves the open leases for good."""
        update = {
            "TableName": self._database.tables.ledger,
            "Key": lease_key(reservation.turn_id),
            "UpdateExpression": "SET #state = :state REMOVE lease_shard, lease_until",
            "ConditionExpression": "#state IN (:open, :expired)",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": {
                ":state": {"S": state},
                ":open": {"S": "open"},
                ":expired": {"S": "expired"},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        return {"Update": update}

    def _forgetting(self, conversation_id: str, turn: Turn) -> Action:
        delete = {
            "TableName": self._database.tables.conversations,
            "Key": turn_key(conversation_id, turn.number),
            "ConditionExpression": "attribute_not_exists(pk) OR turn_id = :id",
            "ExpressionAttributeValues": {":id": {"S": turn.id}},
        }
        return {"Delete": delete}

    def _tidy(self, reservation: Reservation, packed: Packed, removed: frozenset[int], *, written: bool) -> None:
        if not written:
            drop_parts(self._database, packed)
        elif packed.parts or removed:
            drop_stale_parts(self._database, str(reservation.conversation), packed.number)


def _packed(reservation: Reservation, turn: Turn | None, removed: frozenset[int] = frozenset()) -> Packed | None:
    """The turn as it is stored under the number that was reserved."""
    if reservation.conversation is None or reservation.turn is None or turn is None:
        return None
    numbered = msgspec.structs.replace(turn, id=reservation.turn_id, number=reservation.turn.number)
    return pack(reservation.conversation, numbered, removed)


def _is_number(reservation: Reservation, record: Attributes | None) -> bool:
    """Whether the record that is there is of this turn under this number, as of a repetition."""
    number = str(reservation.turn.number) if reservation.conversation and reservation.turn else None
    return record is None or record.get("number", {}).get("N") == number


def _reason(
    reservation: Reservation, refusals: Refusals, wanted: tuple[Demand, ...], charges: int
) -> NotFound | LimitExceeded | Conflict:
    """Why nothing was reserved: the head stands behind the record and the `charges`."""
    head = refusals.get(1 + charges)
    if head is not None and (head.item is None or head.item.get("owner") != {"S": owner_of(reservation.subjects)}):
        return NotFound("conversation", str(reservation.conversation))
    found = {
        subject.kind: refusals[place].item or {}
        for place, subject in enumerate(reservation.subjects, start=1)
        if place in refusals and place <= charges
    }
    if found:
        return refused(wanted, found, reservation.made_at)
    return Conflict(f"Conversation '{reservation.conversation}' went on meanwhile.")
