"""What must hold of the conversation: each turn once, under one number, as it ended; no gap but what was released."""

from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.ports import TurnPage
from tests.simulation.audit import Violation
from tests.simulation.cast import CONVERSATION, HEAD_PLACE
from tests.simulation.database import NAMES

STATES = {"open": {"done", "cut"}, "cut": {"done", "cut"}, "done": set()}


class Transcript:
    """Follows the writes to one conversation; `entries` are the audit's."""

    def __init__(self, model, entries):
        self.model = model
        self.table = model.stored[NAMES.conversations]
        self.entries = entries
        self.numbers = {}

    def changed(self, changes):
        """One write, at one moment, after the audit has seen it."""
        for table, place, old, new in changes:
            if table is self.table and new is not old and place[1].count("#") == 1:
                self._written(int(place[1].partition("#")[2]), old, new)

    def _written(self, number, old, new):
        turn_id = (new or old)["turn_id"]["S"]
        if new is None:
            if self.entries[turn_id].state != "released":
                raise Violation(f"turn {number} ({turn_id}) was deleted and not released")
        elif old is None:
            last = int(self.table.get(HEAD_PLACE)["last"]["N"])
            if number != last or turn_id in self.numbers:
                raise Violation(f"{turn_id} became turn {number} after {last - 1}, and was {self.numbers.get(turn_id)}")
            self.numbers[turn_id] = number
        elif old["turn_id"] != new["turn_id"] or new["state"]["S"] not in STATES[old["state"]["S"]]:
            raise Violation(f"turn {number} went from {_said(old)} to {_said(new)}")

    def close(self):
        """Nobody writes any more: read it as a caller does."""
        found = self._read()
        ids = {turn.number: turn.id for turn in found}
        if len({*ids.values()}) < len(found):
            raise Violation(f"a turn is there twice: {ids}")
        kept = {number: each for each, number in self.numbers.items() if self.entries[each].state != "released"}
        if ids != kept:
            raise Violation(f"these turns are there: {ids}, and should be: {kept}")
        last = int(self.table.get(HEAD_PLACE)["last"]["N"])
        if {*self.numbers.values()} != {*range(1, last + 1)}:
            raise Violation(f"of {last} turns there were {sorted(self.numbers.values())}")
        for turn in found:
            self._is_as_it_ended(turn)
        self._has_all()
        self._stays()

    def _stays(self):
        """No part of a turn goes by itself."""
        items = self.table.partitions[CONVERSATION]
        going = {place.rsplit("#", 1)[0] for place, item in items.items() if "ttl" in item}
        for place, item in items.items():
            if place.count("#") == 1 and f"{place}#{item['turn_id']['S']}#{item['digest']['S']}" in going:
                raise Violation(f"parts of {place} go by themselves")

    def _read(self):
        try:
            return list(DynamoConversations(self.model).turns(CONVERSATION, TurnPage(order="asc")))
        except StoreUnavailable as torn:
            raise Violation(f"a turn cannot be read: {torn}") from torn

    def _is_as_it_ended(self, turn):
        entry = self.entries[turn.id]
        if turn.state == "open":
            raise Violation(f"turn {turn.number} ({turn.id}) is open, its record {entry.state}")
        if entry.acknowledged and entry.state == "settled":
            _, ended = entry.acknowledged
            if (turn.state, turn.items, turn.usage) != (ended.state, ended.items, ended.usage):
                raise Violation(f"turn {turn.number} ({turn.id}) is not as it was acknowledged: {turn}")

    def _has_all(self):
        """Every turn that a caller counts on is there."""
        for turn_id, entry in self.entries.items():
            if entry.acknowledged and entry.acknowledged[1] is not None and turn_id not in self.numbers:
                raise Violation(f"{turn_id} was acknowledged and is not there")


def _said(item):
    return f"{item['turn_id']['S']} {item['state']['S']}"
