"""What the ledger says of turns that run, and of those that the cache answered."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import Conflict, LimitExceeded
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import (
    ADA,
    BOB,
    LEASE_SECONDS,
    NOW,
    OWNER,
    answered,
    conversation,
    in_conversation,
    reservation,
)
from tests.contract.stores import MemoryStores, dynamo_stores

FAR = NOW + 10**6
BURNED = Charge(1, 40, 3)
HELD = Charge(0, 100, 7)
NOTHING = Charge()
SAVED = Charge(1, 500, 9)
OTHER_KEY = BOB  # of the same tenant


def uses(stores, credential=ADA, now=NOW):
    return stores.keys.uses(subjects_of(credential), now)


def held(stores, credential=ADA):
    return [use["month"].held for use in uses(stores, credential).values()]


def claim(number, concurrent=2, **fields):
    return reservation(f"t-{number}", concurrent=concurrent, **fields)


def fill(stores, count=2):
    claims = [claim(number) for number in range(count)]
    for each in claims:
        stores.turns.reserve(each)
    return claims


def is_full(stores, concurrent=2):
    try:
        stores.turns.reserve(claim("more", concurrent))
    except LimitExceeded:
        return True
    return False


def test_a_key_runs_no_more_turns_at_once_than_its_plan_allows(stores):
    fill(stores)

    with pytest.raises(LimitExceeded, match=r"concurrent requests of the key \(2\)") as refused:
        stores.turns.reserve(claim("more"))

    assert refused.value.retry_after_seconds == 1
    assert (refused.value.asked, refused.value.remaining) == (1, 0)
    assert uses(stores)[subjects_of(ADA)[0]]["day"].used == Charge(2, 200, 14)


def test_none_at_once_are_refused_before_anything_is_read(stores):
    with pytest.raises(LimitExceeded, match=r"concurrent requests of the key \(0\)"):
        stores.turns.reserve(claim(1, concurrent=0))


@pytest.mark.parametrize(
    "end",
    [
        lambda stores, first: stores.turns.settle(first, answered(first)),
        lambda stores, first: stores.turns.settle(first, answered(first, charge=BURNED)),
        lambda stores, first: stores.turns.release(first),
    ],
    ids=["settled exactly", "settled", "released"],
)
def test_a_turn_that_ended_makes_room_for_one_and_no_more(stores, end):
    first, _ = fill(stores)
    for _ in range(3):
        end(stores, first)

    assert not is_full(stores)
    with pytest.raises(LimitExceeded):
        stores.turns.reserve(claim("one too many"))


def test_a_crash_makes_room_after_lease_and_sweep(stores):
    claims = fill(stores)

    assert stores.turns.expire(NOW + LEASE_SECONDS + 1, 10) == 2

    assert held(stores) == [NOTHING] * 3
    for each in claims:
        stores.turns.settle(each, answered(each, charge=BURNED))
        stores.turns.release(each)
    assert [is_full(stores), is_full(stores, 1)] == [False, False]
    with pytest.raises(LimitExceeded):
        stores.turns.reserve(claim("other", concurrent=1))


def test_another_key_of_the_tenant_has_places_of_its_own(stores):
    fill(stores)

    stores.turns.reserve(claim("other", credential=OTHER_KEY))


def test_a_hit_takes_no_place(stores):
    fill(stores)

    stores.turns.reserve(claim("hit", final=True))
    stores.turns.reserve(claim("none at all", concurrent=0, final=True))


def test_places_are_counted_for_a_plan_that_gets_its_limit_later(stores):
    stores.turns.reserve(claim(1, concurrent=None))

    with pytest.raises(LimitExceeded):
        stores.turns.reserve(claim(2, concurrent=1))


def test_a_limit_in_time_is_named_before_that_of_places(stores):
    fill(stores)

    with pytest.raises(LimitExceeded, match="requests per day"):
        stores.turns.reserve(claim("more", limits=(Limit("key", "day", requests=2),)))


def test_what_is_reserved_is_held_until_it_is_settled(stores):
    first = reservation("t-1")
    stores.turns.reserve(first)
    stores.turns.reserve(reservation("t-2", credential=OTHER_KEY))

    assert held(stores) == [HELD, HELD, Charge(0, 200, 14)]

    stores.turns.settle(first, answered(first, charge=BURNED))

    assert held(stores) == [NOTHING, NOTHING, HELD]
    assert uses(stores)[subjects_of(ADA)[2]]["day"].used == Charge(2, 140, 10)


def test_a_hit_holds_nothing_and_saves_what_the_answer_would_have_burned(stores):
    for number in range(2):
        stores.turns.reserve(reservation(f"t-{number}", charge=Charge(requests=1), final=True, saved=SAVED))

    for use in uses(stores).values():
        assert use["day"].saved == use["month"].saved == Charge(2, 1_000, 18)
        assert use["minute"].saved == NOTHING
        assert use["day"].held == NOTHING
        assert use["day"].used == Charge(requests=2)


def test_a_repeated_hit_saves_once(stores):
    hit = reservation(charge=Charge(requests=1), final=True, saved=SAVED)

    stores.losing_reply(lambda: stores.turns.reserve(hit))
    stores.sent_twice(lambda: stores.turns.reserve(hit))

    assert {use["month"].saved for use in uses(stores).values()} == {SAVED}


def test_savings_belong_to_the_windows_of_the_hit(stores):
    stores.turns.reserve(reservation(charge=Charge(requests=1), final=True, saved=SAVED))

    later = uses(stores, now=NOW + 86_400)[subjects_of(ADA)[0]]
    assert (later["day"].saved, later["month"].saved) == (NOTHING, SAVED)


def test_places_and_holdings_end_with_a_turn_whose_conversation_was_deleted(stores):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(in_conversation(concurrent=1))
    stores.conversations.delete(OWNER, "conv_1")

    assert stores.turns.expire(FAR, 10) == 1

    assert held(stores) == [NOTHING] * 3
    assert not is_full(stores, 1)


STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "settle", "release", "expire"]), st.integers(0, 3), st.integers(0, 100)),
    max_size=12,
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_is_held_and_runs_is_that_of_the_open_turns_in_every_schedule(on_moto, steps):
    told, shown = dynamo_stores(), MemoryStores()

    for way, number, tokens in steps:
        assert _outcome(told, way, number, tokens) == _outcome(shown, way, number, tokens)
        assert uses(told) == uses(shown)


def _outcome(stores, way, number, tokens):
    mine = claim(number, charge=Charge(1, 100 + number, 7), final=number == 3)
    try:
        if way == "settle":
            return stores.turns.settle(mine, answered(mine, charge=Charge(1, tokens, 3)))
        return stores.turns.expire(FAR, 10) if way == "expire" else getattr(stores.turns, way)(mine)
    except (Conflict, LimitExceeded) as refused:
        return refused.message
