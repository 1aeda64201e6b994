"""`Keys` and `Answers`: small values by name."""

import pytest

from chalicelib.domain.budget import Charge, Limit, Plan
from chalicelib.domain.errors import Conflict
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import ADA, BOB, CHARGE, NOW, cached, cue, key, noise, reservation


def test_a_key_is_found_by_its_id(stores):
    stored = key(expires_at=NOW, revoked_at=NOW, name="☃", scopes=frozenset({"admin", "chat"}))

    stores.keys.put(stored)

    assert stores.keys.get(ADA.key_id) == stored
    assert stores.keys.get(BOB.key_id) is None


def test_a_key_is_stored_once(stores):
    stores.keys.put(key())

    with pytest.raises(Conflict):
        stores.keys.put(key(scopes=frozenset({"admin"})))

    assert stores.keys.get(ADA.key_id) == key()


def test_without_plans_there_are_none(stores):
    assert stores.keys.plans() == {}


@pytest.mark.parametrize("name", ["free", "free plan", "plan.", "pk", "☃", "#name"])
def test_a_plan_may_have_any_name(stores, name):
    plan = Plan(name, limits=(Limit("key", "day", tokens=5),), concurrent=2, models=("echo",))

    stores.keys.put_plan(plan)

    assert stores.keys.plans() == {name: plan}


def test_a_plan_is_replaced(stores):
    stores.keys.put_plan(Plan("free", concurrent=1))
    stores.keys.put_plan(Plan("paid"))

    stores.keys.put_plan(Plan("free", concurrent=2))

    assert stores.keys.plans() == {"free": Plan("free", concurrent=2), "paid": Plan("paid")}


def test_balances_are_those_of_the_windows_of_that_moment(stores):
    stores.turns.reserve(reservation("t-1"))
    stores.turns.reserve(reservation("t-2", now=NOW + 60))

    balances = stores.keys.balances(subjects_of(ADA)[:2], NOW + 60)

    assert balances == {
        ("key", "minute"): CHARGE,
        ("key", "day"): Charge(2, 200, 14),
        ("key", "month"): Charge(2, 200, 14),
        ("user", "minute"): CHARGE,
        ("user", "day"): Charge(2, 200, 14),
        ("user", "month"): Charge(2, 200, 14),
    }


@pytest.mark.parametrize("text", ["42", "☃" * 5_000, noise(300_000)], ids=["short", "long", "longer"])
def test_an_answer_is_recalled_by_its_key(stores, text):
    stores.answers.store("a" * 64, cached(text))

    assert stores.turns.recall(cue(answers=("a" * 64,))).answers == {"a" * 64: cached(text)}


def test_a_newer_answer_replaces_an_older_one(stores):
    stores.answers.store("a", cached("41"))

    stores.answers.store("a", cached("42", expires_at=NOW + 90))

    assert stores.turns.recall(cue(answers=("a",))).answers == {"a": cached("42", expires_at=NOW + 90)}


def test_an_answer_that_is_too_large_leaves_what_there_is(stores):
    stores.answers.store("a", cached())

    stores.answers.store("a", cached(noise(800_000)))

    answers = stores.turns.recall(cue(answers=("a",))).answers
    assert answers in ({"a": cached()}, {"a": cached(noise(800_000))})
