"""`Turns` and `Answers` together: of turns that ask the same at once, one leads."""

import pytest

from chalicelib.domain.budget import Charge, Limit
from chalicelib.domain.errors import Conflict, LimitExceeded
from chalicelib.domain.lead import Lead, Overtaken
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import (
    ADA,
    CHARGE,
    NOW,
    OWNER,
    answered,
    cached,
    conversation,
    cue,
    in_conversation,
    limit,
    noise,
    reservation,
)

SECONDS = 10
HOT = {"shards": 2, "hot": ("tenant",)}


def lead(turn_id="t-1", *, now=NOW, key="a"):
    return Lead(key, turn_id, now, now + SECONDS)


def leading(turn_id="t-1", *, now=NOW, **fields):
    return reservation(turn_id, lead=lead(turn_id, now=now), **fields)


def used(stores):
    return stores.keys.balances(subjects_of(ADA)[1:2], NOW)["user", "day"]


def test_a_lead_is_seen_where_the_answer_will_be(stores):
    stores.turns.reserve(leading())

    memory = stores.again().turns.recall(cue(answers=("a", "b")))

    assert (memory.answers, memory.leads) == ({}, {"a": lead()})
    assert stores.answers.look("a", NOW) == lead()
    assert stores.answers.get("a", NOW) is None
    assert stores.answers.look("b", NOW) is None


@pytest.mark.parametrize("hot", [{}, HOT], ids=["plain", "hot"])
def test_who_is_overtaken_is_charged_nothing(stores, hot):
    stores.turns.reserve(leading(**hot))

    with pytest.raises(Overtaken):
        stores.turns.reserve(leading("t-2", **hot))

    assert used(stores) == CHARGE
    assert stores.answers.look("a", NOW) == lead()
    assert stores.turns.expire(NOW + 10**6, 10) == 1


def test_whoever_does_not_lead_is_not_overtaken(stores):
    stores.turns.reserve(leading())

    stores.turns.reserve(reservation("t-2"))
    stores.turns.reserve(reservation("t-3", lead=lead("t-3", key="b")))

    assert used(stores).requests == 3
    assert stores.answers.look("a", NOW) == lead()


def test_an_answer_is_not_overwritten_by_a_lead(stores):
    stores.answers.store("a", cached())

    with pytest.raises(Overtaken):
        stores.turns.reserve(leading())

    assert stores.answers.look("a", NOW) == cached()
    assert used(stores) == Charge()


def test_an_answer_that_expired_is(stores):
    stores.answers.store("a", cached(expires_at=NOW))

    stores.turns.reserve(leading())

    assert stores.answers.look("a", NOW) == lead()


@pytest.mark.parametrize(("seconds", "is_over"), [(SECONDS - 1, False), (SECONDS, True)])
def test_a_lead_ends_by_itself(stores, seconds, is_over):
    stores.turns.reserve(leading())
    now = NOW + seconds

    assert (stores.answers.look("a", now) is None) == is_over
    assert (stores.turns.recall(cue(now=now, answers=("a",))).leads == {}) == is_over
    if is_over:
        stores.turns.reserve(leading("t-2", now=now))
        assert stores.answers.look("a", now) == lead("t-2", now=now)


def test_an_answer_takes_the_place_of_its_lead(stores):
    stores.turns.reserve(leading())

    stores.answers.store("a", cached())

    memory = stores.turns.recall(cue(answers=("a",)))
    assert (memory.answers, memory.leads) == ({"a": cached()}, {})
    stores.answers.store("a", cached(expires_at=NOW + 1))
    assert stores.answers.look("a", NOW + 1) is None


def test_a_lead_that_is_ceded_is_anybodys(stores):
    stores.turns.reserve(leading())

    stores.answers.cede(lead())

    assert stores.answers.look("a", NOW) is None
    stores.turns.reserve(leading("t-2"))
    assert stores.answers.look("a", NOW) == lead("t-2")


def test_what_is_not_ones_own_is_not_ceded(stores):
    stores.answers.cede(lead())
    stores.turns.reserve(leading("t-2"))

    stores.answers.cede(lead())

    assert stores.answers.look("a", NOW) == lead("t-2")
    stores.answers.store("a", cached())
    stores.answers.cede(lead("t-2"))
    assert stores.answers.look("a", NOW) == cached()


@pytest.mark.parametrize("again", ["losing_reply", "sent_twice"])
@pytest.mark.parametrize("hot", [{}, HOT], ids=["plain", "hot"])
def test_a_repeated_reservation_finds_its_own_lead(stores, again, hot):
    getattr(stores, again)(lambda: stores.turns.reserve(leading(**hot)))

    stores.turns.reserve(leading(**hot))

    assert used(stores) == CHARGE
    assert stores.answers.look("a", NOW) == lead()


def test_a_repeated_reservation_keeps_its_charge_though_another_leads_by_now(stores):
    stores.losing_reply(lambda: stores.turns.reserve(leading()))
    stores.answers.cede(lead())
    stores.turns.reserve(leading("t-2"))

    stores.turns.reserve(leading())

    assert used(stores).requests == 2
    assert stores.answers.look("a", NOW) == lead("t-2")


def test_a_turn_that_is_over_leads_no_more(stores):
    claim = leading()
    stores.turns.reserve(claim)
    stores.turns.settle(claim, answered(claim))
    stores.answers.cede(lead())

    with pytest.raises(Conflict):
        stores.turns.reserve(claim)

    assert stores.answers.look("a", NOW) is None


@pytest.mark.parametrize("hot", [{}, HOT], ids=["plain", "hot"])
def test_a_turn_that_a_limit_refuses_does_not_lead(stores, hot):
    limits = (limit("tenant", "day", "tokens", 150),)
    stores.turns.reserve(reservation("t-0", limits=limits, **hot))

    with pytest.raises(LimitExceeded):
        stores.turns.reserve(leading(limits=limits, **hot))

    assert stores.answers.look("a", NOW) is None


@pytest.mark.parametrize("hot", [{}, HOT], ids=["plain", "hot"])
def test_a_turn_without_room_is_overtaken_all_the_same(stores, hot):
    """It may find room for the answer that it waits for: a request without tokens."""
    limits = (Limit("tenant", "day", tokens=150),)
    stores.turns.reserve(leading("t-0", limits=limits, **hot))

    with pytest.raises(Overtaken):
        stores.turns.reserve(leading(limits=limits, **hot))


@pytest.mark.parametrize("text", ["Hello", noise(900_000)], ids=["small", "large"])
def test_a_conversations_turn_that_is_overtaken_is_not_opened(stores, text):
    stores.conversations.create(conversation(), None)
    stores.turns.reserve(leading("t-0"))

    with pytest.raises(Overtaken):
        stores.turns.reserve(in_conversation(lead=lead(), text=text))

    assert stores.conversations.get(OWNER, "conv_1").last == 0
    claim = in_conversation(text=text, final=True)
    stores.turns.reserve(claim)
    assert stores.conversations.turn("conv_1", 1) == claim.turn
