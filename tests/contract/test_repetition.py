"""A write that is repeated, because its reply got lost or because it was sent twice, happens once."""

import pytest

from chalicelib.domain.budget import Charge, Plan
from chalicelib.domain.errors import Conflict
from chalicelib.ports import Page, TurnPage
from tests.contract.samples import (
    CHARGE,
    NOW,
    OWNER,
    answer,
    answered,
    conversation,
    cue,
    in_conversation,
    key,
    noise,
    said,
    turn,
)

FAR = NOW + 10**6
BURNED = Charge(1, 40, 3)


def lost_then_repeated(stores, call):
    stores.losing_reply(call)
    call()


def lost(stores, call):
    stores.losing_reply(call)


def sent_twice(stores, call):
    stores.sent_twice(call)


def sent_twice_then_repeated(stores, call):
    stores.sent_twice(call)
    call()


EVERY_WAY = pytest.mark.parametrize(
    "repeat", [lost, lost_then_repeated, sent_twice, sent_twice_then_repeated], ids=lambda each: each.__name__
)
EVERY_SIZE = pytest.mark.parametrize("size", [10, 900_000], ids=["small", "large"])


def spent(stores):
    return stores.turns.recall(cue()).balances["user", "day"]


def all_turns(stores):
    return list(stores.conversations.turns("conv_1", TurnPage(order="asc")))


@EVERY_WAY
def test_a_repeated_reservation_charges_once(stores, repeat):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()

    repeat(stores, lambda: stores.turns.reserve(claim))

    assert spent(stores) == CHARGE
    assert all_turns(stores) == [claim.turn]
    assert stores.conversations.get(OWNER, "conv_1").last == 1
    assert stores.turns.expire(FAR, 10) == 1


@EVERY_WAY
def test_a_repeated_settlement_corrects_once(stores, repeat):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    ended = answered(claim, charge=BURNED)
    stores.turns.reserve(claim)

    repeat(stores, lambda: stores.turns.settle(claim, ended))

    assert spent(stores) == BURNED
    assert all_turns(stores) == [ended.turn]


@EVERY_WAY
def test_a_repeated_settlement_of_the_exact_charge_changes_nothing(stores, repeat):
    claim = in_conversation(conversation=None)
    stores.turns.reserve(claim)

    repeat(stores, lambda: stores.turns.settle(claim, answered(claim)))

    assert spent(stores) == CHARGE
    assert stores.turns.expire(FAR, 10) == 0


@EVERY_WAY
def test_a_repeated_release_undoes_once(stores, repeat):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(in_conversation("t-0", conversation=None))
    stores.turns.reserve(claim)

    repeat(stores, lambda: stores.turns.release(claim))

    assert spent(stores) == CHARGE
    assert all_turns(stores) == []


@EVERY_WAY
def test_a_repeated_expiry_leaves_the_charge(stores, repeat):
    stores.conversations.create(conversation(), None)
    claim = in_conversation()
    stores.turns.reserve(claim)

    repeat(stores, lambda: stores.turns.expire(FAR, 10))

    assert spent(stores) == CHARGE
    assert [each.state for each in all_turns(stores)] == ["cut"]


@EVERY_WAY
@EVERY_SIZE
def test_a_repeated_creation_is_one_conversation(stores, repeat, size):
    first = turn("t-1", 1, said(noise(size)))

    repeat(stores, lambda: stores.conversations.create(conversation(topic="tides"), first))
    if repeat is lost:
        stores.conversations.create(conversation(topic="tides"), first)

    assert stores.conversations.get(OWNER, "conv_1").last == 1
    assert all_turns(stores) == [first]


@EVERY_WAY
@EVERY_SIZE
def test_a_repeated_addition_is_one_turn(stores, repeat, size):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))
    added = turn("t-2", 0, said(noise(size)))

    repeat(stores, lambda: stores.conversations.append(OWNER, "conv_1", added))
    stores.conversations.append(OWNER, "conv_1", added)

    assert [each.id for each in all_turns(stores)] == ["t-1", "t-2"]


@EVERY_WAY
@EVERY_SIZE
def test_a_repeated_large_turn_is_whole(stores, repeat, size):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(text=noise(size))
    ended = answered(claim, noise(size, seed=1))

    repeat(stores, lambda: stores.turns.reserve(claim))
    stores.turns.reserve(claim)
    repeat(stores, lambda: stores.turns.settle(claim, ended))
    stores.turns.settle(claim, ended)

    assert all_turns(stores) == [ended.turn]


@EVERY_WAY
def test_repeated_metadata_is_the_same(stores, repeat):
    stores.conversations.create(conversation(), None)

    repeat(stores, lambda: stores.conversations.update(OWNER, "conv_1", {"topic": "tides"}))

    assert stores.conversations.get(OWNER, "conv_1").metadata == {"topic": "tides"}


@pytest.mark.parametrize("repeat", [lost, sent_twice], ids=["lost", "sent twice"])
def test_a_repeated_deletion_is_one(stores, repeat):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))

    repeat(stores, lambda: stores.conversations.delete(OWNER, "conv_1"))

    assert stores.conversations.list(OWNER, Page()) == ([], False)


@pytest.mark.parametrize("repeat", [lost, sent_twice], ids=["lost", "sent twice"])
def test_an_item_is_deleted_once(stores, repeat):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello"), answer("Hi!")))

    repeat(stores, lambda: stores.conversations.remove_item(OWNER, "conv_1", 1, 0))

    (kept,) = all_turns(stores)
    assert len(kept.items) == 2
    assert kept.items[1] == answer("Hi!")
    assert kept.items[0] != said("Hello")


@EVERY_WAY
def test_a_repeated_key_is_one_key(stores, repeat):
    repeat(stores, lambda: stores.keys.put(key()))

    assert stores.keys.get(key().key_id) == key()
    with pytest.raises(Conflict):
        stores.keys.put(key(plan="paid"))


@EVERY_WAY
def test_a_repeated_plan_is_one_plan(stores, repeat):
    repeat(stores, lambda: stores.keys.put_plan(Plan("free", concurrent=2)))

    assert stores.keys.plans() == {"free": Plan("free", concurrent=2)}


def test_an_addition_repeated_after_an_item_of_it_was_deleted_brings_nothing_back(stores):
    stores.conversations.create(conversation(), None)
    added = turn("t-1", 0, said("Hello"), answer("Hi!"))
    stores.conversations.append(OWNER, "conv_1", added)
    stores.conversations.remove_item(OWNER, "conv_1", 1, 0)

    again = stores.conversations.append(OWNER, "conv_1", added)

    assert [again] == all_turns(stores)
    assert said("Hello") not in again.items
