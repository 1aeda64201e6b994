"""What becomes of a user's turns is told by day, model and outcome: once, and as it was charged."""

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import Conflict, LimitExceeded
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.turn import Settlement
from chalicelib.domain.usage import Note, Tally
from tests.contract.samples import ADA, BOB, CHARGE, LEASE_SECONDS, NOW, reservation

DAY = 86_400
FAR = NOW + 10 * LEASE_SECONDS
MOST = 60  # of the tokens that a reservation charges may be output
LOST = Tally(1, CHARGE.tokens - MOST, MOST, CHARGE.usd_micros)
BURNED = Settlement(Charge(1, 40, 3), output_tokens=15)
ANSWERED = Tally(1, 25, 15, 3)
SAVED = Charge(1, 500, 9)
ONE_TURN = (Limit("user", "day", tokens=CHARGE.tokens + BURNED.charge.tokens),)


def claim(turn_id="t-1", outcome="answered", model="small", **fields):
    return reservation(turn_id, note=Note(model, outcome, MOST), **fields)


def hit(turn_id, outcome):
    return reservation(turn_id, note=Note("small", outcome), charge=Charge(requests=1), final=True, saved=SAVED)


def settled(stores, turn, settlement=BURNED):
    stores.turns.reserve(turn)
    stores.turns.settle(turn, settlement)


def days(stores, now=NOW, credential=ADA):
    user = subjects_of(credential)[1]
    return {(each.period.label, each.model): each.outcomes for each in stores.history.days(user, now)}


def told(stores):
    """The outcomes of the one day and model that there are."""
    ((_, outcomes),) = days(stores).items() or [(None, {})]
    return outcomes


def test_an_answer_is_told_with_what_it_burned_when_it_is_over(stores):
    turn = claim()
    stores.turns.reserve(turn)

    assert days(stores) == {}

    for _ in range(3):
        stores.turns.settle(turn, BURNED)

    assert told(stores) == {"answered": ANSWERED}


def test_models_days_and_users_are_told_apart(stores):
    settled(stores, claim("t-1"))
    settled(stores, claim("t-2", model="vendor/large#2", outcome="queued"))
    settled(stores, claim("t-3", now=NOW + DAY))
    settled(stores, claim("t-4", credential=BOB))

    assert list(days(stores, NOW + DAY).items()) == [
        (("d21000617", "small"), {"answered": ANSWERED}),
        (("d21000617", "vendor/large#2"), {"queued": ANSWERED}),
        (("d21000618", "small"), {"answered": ANSWERED}),
    ]
    assert len(days(stores, NOW, BOB)) == 1


def test_hits_are_told_with_what_they_saved(stores):
    for turn in (hit("t-1", "exact"), hit("t-2", "semantic"), hit("t-3", "semantic")):
        stores.turns.reserve(turn)
        stores.turns.reserve(turn)

    once = Tally(1, saved_tokens=500, saved_usd_micros=9)
    assert told(stores) == {"exact": once, "semantic": once + once}


@pytest.mark.parametrize("outcome", ["answered", "failed"])
def test_what_is_charged_at_its_end_is_told_with_it(stores, outcome):
    turn = reservation("t-1", note=Note("small", outcome, 15), charge=BURNED.charge, final=True)
    for _ in range(3):
        stores.turns.reserve(turn)

    assert told(stores) == {outcome: ANSWERED}


def test_a_turn_without_an_answer_failed_whether_it_cost_or_not(stores):
    settled(stores, claim("t-1"), Settlement(CHARGE))
    released, unseen = claim("t-2"), claim("t-3")
    stores.turns.reserve(released)
    for each in (released, unseen):
        stores.turns.release(each)
        stores.turns.release(each)
    with pytest.raises(Conflict):
        stores.turns.reserve(unseen)

    assert told(stores) == {"failed": LOST + Tally(2)}


def test_a_crash_failed_until_its_answer_comes_after_all(stores):
    late, given_back, silent = claim("t-1"), claim("t-2"), claim("t-3")
    for each in (late, given_back, silent):
        stores.turns.reserve(each)
    stores.turns.expire(FAR, 10)
    stores.turns.expire(FAR, 10)

    assert told(stores) == {"failed": LOST + LOST + LOST}

    for _ in range(2):
        stores.turns.settle(late, BURNED)
        stores.turns.release(given_back)

    assert told(stores) == {"failed": LOST + Tally(1), "answered": ANSWERED}


def test_further_attempts_of_a_turn_cost_and_are_no_turns(stores):
    attempt = Charge(0, CHARGE.tokens, CHARGE.usd_micros)
    stores.turns.reserve(claim("t-1~1", charge=attempt, final=True))
    settled(stores, claim("t-1~2", charge=attempt), Settlement(attempt))
    back = claim("t-1~3", charge=attempt)
    stores.turns.reserve(back)
    stores.turns.release(back)

    lost = LOST + Tally(-1)
    assert told(stores) == {"failed": lost + lost}


@pytest.mark.parametrize("hot", [("tenant",), ("user",), ("key", "user", "tenant")])
def test_shards_tell_as_one_item_does(stores, hot):
    for number in range(6):
        settled(stores, claim(f"t-{number}", shards=4, hot=hot))
    stores.turns.reserve(hit("t-hit", "exact"))

    assert told(stores) == {
        "answered": Tally(6, 150, 90, 18),
        "exact": Tally(1, saved_tokens=500, saved_usd_micros=9),
    }


def test_what_is_told_comes_to_what_was_charged(stores):
    settled(stores, claim("t-1"))
    settled(stores, claim("t-2", model="large"), Settlement(CHARGE))
    for number in (3, 4):
        stores.turns.reserve(claim(f"t-{number}"))
    stores.turns.expire(FAR, 10)
    stores.turns.settle(claim("t-3"), BURNED)
    stores.turns.reserve(claim("t-5~1", charge=Charge(0, 7, 1), final=True))

    user = subjects_of(ADA)[1]
    used = stores.keys.uses((user,), NOW)[user]["day"].used
    each = [tally for outcomes in days(stores).values() for tally in outcomes.values()]
    assert sum(tally.input_tokens + tally.output_tokens for tally in each) == used.tokens
    assert sum(tally.usd_micros for tally in each) == used.usd_micros
    assert sum(tally.turns for tally in each) == used.requests


def test_refusals_are_told_with_the_next_turn_that_is_settled(stores):
    first = claim("t-1")
    stores.turns.reserve(first)
    for number in range(3):
        with pytest.raises(LimitExceeded):
            stores.turns.reserve(claim(f"refused-{number}", limits=ONE_TURN))

    assert days(stores) == {}

    stores.turns.settle(first, BURNED)
    stores.turns.settle(first, BURNED)
    settled(stores, claim("t-2", limits=ONE_TURN))

    assert told(stores) == {"answered": ANSWERED + ANSWERED, "refused": Tally(3)}


def test_refusals_wait_for_a_settlement_that_counts(stores):
    first, second = claim("t-1"), claim("t-2")
    settled(stores, first)
    stores.turns.reserve(second)
    with pytest.raises(LimitExceeded):
        stores.turns.reserve(claim("refused", limits=ONE_TURN))

    stores.turns.settle(first, BURNED)

    assert "refused" not in told(stores)

    stores.turns.settle(second, BURNED)

    assert told(stores)["refused"] == Tally(1)


def test_what_is_not_to_be_told_is_not(stores):
    settled(stores, reservation("t-1"))

    assert days(stores) == {}


def test_a_month_is_told(stores):
    for back in (0, 30, 31):
        settled(stores, claim(f"t-{back}", now=NOW - back * DAY))

    assert [label for label, _ in days(stores)] == ["d21000518", "d21000617"]
