"""Requests that arrive when nobody waits for them any more, one by one."""

import pytest

from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.errors import Conflict, LimitExceeded
from tests.contract.samples import (
    LEASE_SECONDS,
    NOW,
    answered,
    conversation,
    in_conversation,
    limit,
    noise,
    reservation,
)
from tests.simulation.database import Model

FAR = NOW + LEASE_SECONDS + 1
LARGE = noise(900_000)
TENANT = (limit("tenant", "day", "tokens", 150),)


class Overheard(Model):
    """Remembers what was sent."""

    def __init__(self):
        super().__init__(lambda: float(NOW))
        self.sent = []

    def call(self, operation, request):
        self.sent.append((operation, request))
        return super().call(operation, request)


@pytest.fixture
def model():
    model = Overheard()
    DynamoConversations(model).create(conversation(), None)
    return model


@pytest.fixture
def turns(model):
    return DynamoTurns(model)


def parts_of_turns(model):
    items = model.stored[model.tables.conversations].partitions["conv_1"]
    return [item for place, item in items.items() if place.count("#") > 1]


def refuse_then_admit(model, turns, claim):
    """The reservation is refused for want of room; sent once more, it arrives when there is some."""
    turns.reserve(reservation("t-0"))
    with pytest.raises(LimitExceeded):
        turns.reserve(claim)
    late = next(request for kind, request in reversed(model.sent) if kind == "transact_write_items")
    turns.release(reservation("t-0"))
    model.call("transact_write_items", late)


def test_a_large_turn_that_was_refused_and_is_admitted_late_is_whole(model, turns):
    claim = in_conversation(text=LARGE, limits=TENANT)

    refuse_then_admit(model, turns, claim)

    assert DynamoConversations(model).turn("conv_1", 1) == claim.turn


def test_a_large_turn_stays_whole_once_its_lease_ran_out(model, turns):
    claim = in_conversation(text=LARGE, limits=TENANT)
    refuse_then_admit(model, turns, claim)

    assert turns.expire(FAR, 10) == 1

    found = DynamoConversations(model).turn("conv_1", 1)
    assert (found.state, found.items) == ("cut", claim.turn.items)
    assert [part for part in parts_of_turns(model) if "ttl" in part] == []


def test_a_large_turn_that_is_final_at_once_stays_whole(model, turns):
    claim = in_conversation(text=LARGE, final=True)

    turns.reserve(claim)

    assert len(parts_of_turns(model)) == 1
    assert [part for part in parts_of_turns(model) if "ttl" in part] == []


def test_what_a_refused_turn_left_goes_by_itself(model, turns):
    turns.reserve(reservation("t-0"))

    with pytest.raises(LimitExceeded):
        turns.reserve(in_conversation(text=LARGE, limits=TENANT))

    assert [int(part["ttl"]["N"]) > FAR for part in parts_of_turns(model)] == [True]


def test_a_settled_turn_has_parts_for_good_and_no_others(model, turns):
    claim = in_conversation(text=LARGE)
    turns.reserve(claim)

    turns.settle(claim, answered(claim))

    assert [part for part in parts_of_turns(model) if "ttl" in part] == []
    assert DynamoConversations(model).turn("conv_1", 1) == answered(claim).turn


def test_a_settlement_after_the_lease_never_deletes_what_it_wrote(model, turns):
    claim = in_conversation(text=LARGE)
    turns.reserve(claim)
    turns.expire(FAR, 10)
    turns.settle(claim, answered(claim))
    kept = {part["sk"]["S"] for part in parts_of_turns(model)}

    deleted = {
        write["DeleteRequest"]["Key"]["sk"]["S"]
        for kind, request in model.sent
        if kind == "batch_write_item"
        for writes in request["RequestItems"].values()
        for write in writes
        if "DeleteRequest" in write
    }

    assert kept
    assert deleted
    assert kept.isdisjoint(deleted)


def test_a_turn_that_was_released_is_not_reserved_again_while_the_database_remembers_the_request(turns):
    turns.reserve(reservation())
    turns.release(reservation())

    with pytest.raises(Conflict, match="is over"):
        turns.reserve(reservation())
