"""How many requests each step of a turn costs."""

import pytest

from chalicelib.domain.budget import Charge, Limit, Plan
from tests.contract.samples import (
    NOW,
    OWNER,
    answered,
    cached,
    conversation,
    cue,
    in_conversation,
    key,
    noise,
    reservation,
)

LIMITS = (Limit("key", "minute", tokens=1_000), Limit("tenant", "day", requests=10))


@pytest.fixture
def warm(stores):
    stores.keys.put(key())
    stores.keys.put_plan(Plan("free", limits=LIMITS))
    stores.conversations.create(conversation(), None)
    stores.answers.store("a", cached())
    return stores


def test_recall_is_one_request(warm):
    with warm.counted() as calls:
        memory = warm.turns.recall(cue(answers=("a", "b"), conversation="conv_1"))

    assert memory.key
    assert memory.plans
    assert memory.answers
    assert memory.conversation
    assert calls == {"BatchGetItem": 1}


def test_plans_are_read_again_only_after_30_seconds(warm):
    warm.turns.recall(cue())
    asked = []

    def note(params, **_):
        asked.append(str(params["body"]))

    with warm.hook("before-call", ["BatchGetItem"], note):
        warm.turns.recall(cue(now=NOW + 29))
        warm.turns.recall(cue(now=NOW + 30))

    assert ["plans" in each for each in asked] == [False, True]


@pytest.mark.parametrize("claim", [reservation(limits=LIMITS), in_conversation(limits=LIMITS)])
def test_reserve_and_settle_are_one_request_each(warm, claim):
    with warm.counted() as reserving:
        warm.turns.reserve(claim)
    with warm.counted() as settling:
        warm.turns.settle(claim, answered(claim, charge=Charge(1, 50, 2)))

    assert reserving == {"TransactWriteItems": 1}
    assert settling == {"TransactWriteItems": 1}


def test_a_refusal_by_size_alone_costs_no_request(warm):
    with warm.counted() as calls, pytest.raises(Exception, match="never be admitted"):
        warm.turns.reserve(reservation(limits=(Limit("key", "minute", tokens=1),)))

    assert calls == {}


def test_a_hit_is_charged_in_one_request(warm):
    with warm.counted() as calls:
        warm.turns.reserve(in_conversation(charge=Charge(requests=1), final=True))

    assert calls == {"TransactWriteItems": 1}


def test_a_settlement_that_comes_after_the_lease_is_one_request_more(warm):
    claim = reservation(limits=LIMITS)
    warm.turns.reserve(claim)
    warm.turns.expire(NOW + 10**6, 10)

    with warm.counted() as calls:
        warm.turns.settle(claim, answered(claim))

    assert calls == {"TransactWriteItems": 1, "UpdateItem": 1}


def test_a_large_turn_costs_one_request_more(warm):
    claim = in_conversation(text=noise(2_000_000))

    with warm.counted() as reserving:
        warm.turns.reserve(claim)
    with warm.counted() as reading:
        warm.conversations.turn("conv_1", 1)

    assert reserving == {"BatchWriteItem": 1, "TransactWriteItems": 1}
    assert reading["Query"] <= 2


@pytest.mark.parametrize(
    ("call", "cost"),
    [
        (lambda stores: stores.conversations.get(OWNER, "conv_1"), {"GetItem": 1}),
        (lambda stores: stores.conversations.turn("conv_1", 1), {"Query": 1}),
        (lambda stores: stores.conversations.create(conversation("conv_2"), None), {"PutItem": 1}),
        (lambda stores: stores.keys.get("k"), {"GetItem": 1}),
        (lambda stores: stores.keys.plans(), {"GetItem": 1}),
        (lambda stores: stores.keys.put_plan(Plan("paid")), {"UpdateItem": 1}),
        (lambda stores: stores.answers.store("b", cached()), {"PutItem": 1}),
    ],
)
def test_what_is_no_turn_is_one_plain_request(warm, call, cost):
    with warm.counted() as calls:
        call(warm)

    assert calls == cost
