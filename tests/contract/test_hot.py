"""Hot subjects: counted in shards, they admit what one exact counter admits, and never more than a limit."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.leasing import BLOCKS
from chalicelib.adapters.dynamodb.table import subject_key
from chalicelib.domain.budget import Charge, Limit, period
from chalicelib.domain.errors import Conflict, LimitExceeded, StoreUnavailable
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import (
    ADA,
    BOB,
    CHARGE,
    LEASE_SECONDS,
    NOW,
    answered,
    conversation,
    cue,
    in_conversation,
    reservation,
)
from tests.contract.stores import MemoryStores, dynamo_stores

FAR = NOW + 10**6
SHARDS = 4
TENANT = subjects_of(ADA)[2]
LIMIT = Limit("tenant", "day", tokens=2_500)
ALL = ("key", "user", "tenant")


def hot(turn_id="t-1", *, limits=(LIMIT,), shards=SHARDS, kinds=("tenant",), **fields):
    return reservation(turn_id, limits=limits, shards=shards, hot=kinds, **fields)


def used(stores, now=NOW):
    return stores.keys.uses(subjects_of(ADA), now)


def admitted(stores, claims):
    return [claim for claim in claims if is_admitted(stores, claim)]


def is_admitted(stores, claim):
    while True:
        try:
            stores.turns.reserve(claim)
        except LimitExceeded:
            return False
        except StoreUnavailable:
            continue
        return True


def leased(stores):
    """What the root says: what was used, and what lies in shards."""
    table = stores.database.tables.ledger
    root = stores.client.get_item(TableName=table, Key=subject_key(TENANT), ConsistentRead=True)["Item"]
    return int(root[period("day", NOW).label + "t"]["N"])


def test_a_limit_is_filled_to_the_last_token_and_never_passed(stores):
    assert len(admitted(stores, [hot(f"t-{number}") for number in range(60)])) == 25
    assert used(stores)[TENANT]["day"].used == Charge(25, 2_500, 175)


def test_a_refusal_says_what_is_left_in_all_shards(stores):
    admitted(stores, [hot(f"t-{number}", charge=Charge(1, 70, 7)) for number in range(60)])

    with pytest.raises(LimitExceeded) as refused:
        stores.turns.reserve(hot("more"))

    assert (refused.value.remaining, refused.value.asked) == (2_500 - 35 * 70, 100)


def test_what_is_given_back_is_spent_by_any_shard(stores):
    claims = admitted(stores, [hot(f"t-{number}") for number in range(25)])
    for claim in claims:
        stores.turns.settle(claim, answered(claim, charge=Charge(1, 20, 1)))

    assert len(admitted(stores, [hot(f"u-{number}") for number in range(60)])) == 20
    assert used(stores)[TENANT]["day"].used.tokens == 2_500


def test_a_settlement_returns_to_the_window_of_the_reservation(stores):
    claim = hot()
    stores.turns.reserve(claim)

    stores.turns.settle(claim, answered(claim, charge=Charge(1, 40, 3)))

    assert used(stores)[TENANT]["minute"].used == Charge(1, 40, 3)
    assert used(stores, NOW + 60)[TENANT]["minute"].used == Charge()


@pytest.mark.parametrize("kinds", [("tenant",), ("key", "tenant"), ALL])
def test_a_released_or_expired_turn_holds_nothing(stores, kinds):
    stores.turns.reserve(hot("t-1", kinds=kinds))
    stores.turns.reserve(hot("t-2", kinds=kinds))

    stores.turns.release(hot("t-1", kinds=kinds))
    assert stores.turns.expire(NOW + LEASE_SECONDS + 1, 10) == 1

    for use in used(stores).values():
        assert use["day"].held == Charge()
        assert use["day"].used == CHARGE


def test_keys_with_other_limits_share_the_tenants_counter(stores):
    """The plans say hot and exact, four shards and two, 2,500 tokens and 2,000."""
    smaller = Limit("tenant", "day", tokens=2_000)
    forms = ({"shards": 4}, {"shards": 0}, {"shards": 2}, {"limits": (smaller,)})

    claims = [hot(f"t-{number}", **forms[number % 4]) for number in range(120)]

    assert len(admitted(stores, claims)) == 25
    assert used(stores)[TENANT]["day"].used.tokens == 2_500


def test_a_limit_that_is_new_or_lower_counts_what_was_used_before(stores):
    admitted(stores, [hot(f"t-{number}", limits=()) for number in range(12)])

    lower = (Limit("tenant", "day", tokens=1_500),)
    assert len(admitted(stores, [hot(f"u-{number}", limits=lower) for number in range(12)])) == 3
    assert len(admitted(stores, [hot(f"v-{number}") for number in range(12)])) == 10


def test_a_hot_turn_of_a_conversation_is_stored_once(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(limits=(LIMIT,), shards=SHARDS, hot=ALL)

    stores.turns.reserve(claim)
    stores.turns.reserve(claim)
    stores.turns.settle(claim, answered(claim))

    assert stores.conversations.turn("conv_1", 1) == answered(claim).turn
    assert used(stores)[TENANT]["day"].used == CHARGE


def test_a_key_whose_places_are_limited_is_exact(stores):
    stores.turns.reserve(hot("t-1", kinds=ALL, concurrent=1))

    with pytest.raises(LimitExceeded, match="concurrent"):
        stores.turns.reserve(hot("t-2", kinds=ALL, concurrent=1))


def test_room_that_was_leased_before_others_used_more_is_no_room(stores):
    """A key with 2,500 tokens has room in its shards when keys with 4,000 take what is left."""
    more = (Limit("tenant", "day", tokens=4_000),)
    claim = hot("t-1")
    stores.turns.reserve(claim)

    assert len(admitted(stores, [hot(f"u-{number}", limits=more) for number in range(60)])) == 39
    stores.turns.settle(claim, answered(claim, charge=Charge(1, 50, 3)))

    assert admitted(stores, [hot(f"v-{number}", charge=Charge(1, 10, 1)) for number in range(20)]) == []
    assert len(admitted(stores, [hot(f"w-{n}", charge=Charge(1, 10, 1), limits=more) for n in range(20)])) == 5


def test_what_has_no_limit_leaves_none_for_those_who_have_one(stores):
    stores.turns.reserve(hot("t-1"))

    admitted(stores, [hot(f"u-{number}", limits=(), shards=0) for number in range(40)])

    assert admitted(stores, [hot(f"v-{number}", charge=Charge(1, 1, 1)) for number in range(20)]) == []


def test_a_plan_without_shards_counts_in_one_item_again_a_minute_later(on_moto):
    on_moto.turns.reserve(hot("t-1"))
    on_moto.turns.reserve(hot("t-2", shards=0, now=NOW + 180))

    with on_moto.counted() as calls:
        on_moto.turns.reserve(hot("t-3", shards=0, now=NOW + 180))

    assert calls == {"TransactWriteItems": 1}


FORMS = st.sampled_from(
    [
        {},
        {"shards": 2},
        {"shards": 0},
        {"kinds": ALL},
        {"credential": BOB},
        {"limits": ()},
        {"limits": (), "shards": 0},
        {"limits": (Limit("tenant", "day", tokens=1_800),)},
        {"limits": (Limit("tenant", "day", tokens=3_000), Limit("tenant", "minute", requests=9)), "shards": 2},
    ]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.integers(0, 20), st.integers(1, 700), FORMS),
        st.tuples(st.just("settle"), st.integers(0, 20), st.integers(0, 700)),
        st.tuples(st.just("release"), st.integers(0, 20)),
        st.tuples(st.just("expire")),
    ),
    max_size=30,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps=STEPS)
def test_shards_decide_and_count_as_one_exact_counter_does(on_moto, steps):
    told, shown, claims = dynamo_stores(), MemoryStores(), {}

    for step in steps:
        assert _outcome(told, claims, *step) == _outcome(shown, claims, *step), step
        assert used(told) == used(shown), step
        over = told.turns.recall(cue()).balances["tenant", "day"].tokens
        assert used(told)[TENANT]["day"].used.tokens <= over or any(each[0] == "settle" for each in steps)


def _outcome(stores, claims, way, number=0, tokens=0, form=None):
    try:
        if way == "expire":
            return stores.turns.expire(FAR, 100)
        claim = claims.setdefault(number, hot(f"t-{number}", charge=Charge(1, tokens, 7), **(form or {})))
        if way == "settle":
            return stores.turns.settle(claim, answered(claim, charge=Charge(1, min(tokens, claim.charge.tokens), 3)))
        return getattr(stores.turns, way)(claim)
    except (Conflict, LimitExceeded) as refused:
        return refused.message


def test_the_root_bounds_what_was_used_and_stays_within_the_limit(on_moto):
    limit = Limit("tenant", "day", tokens=100_000)
    claims = admitted(on_moto, [hot(f"t-{number}", limits=(limit,)) for number in range(200)])
    for claim in claims:
        on_moto.turns.settle(claim, answered(claim, charge=Charge(1, 60, 4)))

    spent = used(on_moto)[TENANT]["day"].used.tokens
    block = limit.tokens // (BLOCKS * SHARDS)

    assert spent == 200 * 60
    assert spent <= leased(on_moto) <= limit.tokens
    assert leased(on_moto) - spent <= SHARDS * (block + CHARGE.tokens) + 200 * 40
    assert on_moto.turns.recall(cue()).balances["tenant", "day"].tokens == leased(on_moto)


def test_a_hot_turn_is_one_request_once_its_shard_has_room(on_moto):
    limit = Limit("tenant", "day", tokens=1_000_000)
    admitted(on_moto, [hot(f"t-{number}", limits=(limit,)) for number in range(40)])

    with on_moto.counted() as calls:
        claims = admitted(on_moto, [hot(f"u-{number}", limits=(limit,)) for number in range(20)])
        for claim in claims:
            on_moto.turns.settle(claim, answered(claim, charge=Charge(1, 60, 4)))

    assert calls == {"TransactWriteItems": 40}


def test_a_shard_without_room_gets_some_in_two_requests_more(on_moto):
    limit = Limit("tenant", "day", tokens=1_000_000)

    with on_moto.counted() as calls:
        on_moto.turns.reserve(hot(limits=(limit,), kinds=ALL))

    assert calls == {"BatchGetItem": 1, "TransactWriteItems": 2}


def test_parallel_hot_turns_fill_a_limit_and_never_pass_it(on_emulator):
    draw = random.Random(7)
    costs = [draw.randint(20, 180) for _ in range(160)]
    limit = Limit("tenant", "day", tokens=6_000)
    claims = [hot(f"t-{n}", charge=Charge(1, cost, 1), limits=(limit,)) for n, cost in enumerate(costs)]

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda claim: is_admitted(on_emulator, claim), claims))
        taken = [claim for claim, is_in in zip(claims, outcomes, strict=True) if is_in]

    burned = sum(claim.charge.tokens for claim in taken)
    assert used(on_emulator)[TENANT]["day"].used.tokens == burned
    assert 0.95 * limit.tokens <= burned <= limit.tokens
    assert leased(on_emulator) <= limit.tokens


def test_parallel_endings_of_hot_turns_lose_no_room(on_emulator):
    claims = [hot(f"t-{number}", kinds=ALL) for number in range(25)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda claim: is_admitted(on_emulator, claim), claims))
        list(pool.map(on_emulator.turns.release, claims * 2))

    for use in used(on_emulator).values():
        assert use["day"].used == use["day"].held == Charge()
    assert len(admitted(on_emulator, [hot(f"u-{number}", kinds=ALL) for number in range(30)])) == 25


def test_a_recall_of_what_is_leased_to_shards_is_not_exact(on_moto):
    before = on_moto.turns.recall(cue())
    on_moto.turns.reserve(hot())

    assert before.exact
    assert not on_moto.turns.recall(cue()).exact
