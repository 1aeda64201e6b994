"""`Keys` and `Answers`: small values by name."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from chalicelib.domain.budget import Charge, Limit, Plan, Subject
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.domain.identity import RANDOM_BYTES, Tenant, mint, tenant_tag
from chalicelib.domain.ledger import subjects_of
from chalicelib.domain.webhooks import SECRET_BYTES, Webhook, new_secret, rotated
from tests.contract.samples import ADA, BOB, CHARGE, EVE, NOW, cached, cue, key, noise, reservation

HOOK = Webhook("https://hooks.example.com/", (new_secret(b"1" * SECRET_BYTES),))
HOOKED = Tenant("acme", None, rotated(HOOK, new_secret(b"2" * SECRET_BYTES), NOW))


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
    assert stores.answers.store("a", cached())

    replaced = stores.answers.store("a", cached(noise(800_000)))

    answers = stores.turns.recall(cue(answers=("a",))).answers
    assert answers == {"a": cached(noise(800_000)) if replaced else cached()}


def keys_of(*users, each=1, tenant="acme"):
    """Keys of users of a tenant, in the order of their ids."""
    minted = [
        (user, mint(tenant, user, live=False, random=bytes([number]) * RANDOM_BYTES))
        for user in users
        for number in range(each)
    ]
    made = [key(credential, tenant=tenant, user=user) for user, credential in minted]
    return sorted(made, key=lambda key: key.key_id)


def test_a_tenants_keys_are_listed_page_by_page(stores):
    mine = keys_of("ada", "bob", "cleo", each=3)
    for each in (*mine, *keys_of("ada", "eve", tenant="evil")):
        stores.keys.put(each)
    pages, after, more = [], None, True

    while more:
        page, more = stores.keys.list("acme", None, after=after, limit=4)
        pages.append(list(page))
        after = page[-1].key_id

    assert pages == [mine[:4], mine[4:8], mine[8:]]


def test_a_users_keys_are_listed_alone(stores):
    for each in keys_of("ada", "bob", each=2):
        stores.keys.put(each)

    assert stores.keys.list("acme", "bob", after=None, limit=2) == (keys_of("bob", each=2), False)
    assert stores.keys.list("acme", "bob", after=keys_of("bob")[0].key_id, limit=1) == (
        keys_of("bob", each=2)[1:],
        False,
    )


@pytest.mark.parametrize(("tenant", "user"), [("acme", "nobody"), ("nobody", None), ("evil", "ada")])
@pytest.mark.parametrize("after", [None, "", "a", "z", "zzz", "~"])
def test_nobodys_keys_are_none(stores, tenant, user, after):
    stores.keys.put(key())

    assert stores.keys.list(tenant, user, after=after, limit=10) == ([], False)


def test_nothing_is_listed_after_the_last_key_whatever_comes_after(stores):
    stores.keys.put(key())

    assert stores.keys.list("acme", None, after=ADA.key_id, limit=10) == ([], False)
    assert stores.keys.list("acme", "ada", after="z", limit=10) == ([], False)


def test_a_revoked_key_is_recalled_and_listed_as_such_at_once(stores):
    stores.keys.put(key())

    revoked = stores.keys.revoke(ADA.key_id, NOW)

    assert revoked == key(revoked_at=NOW)
    assert stores.turns.recall(cue()).key == revoked
    assert stores.keys.list("acme", None, after=None, limit=1) == ([revoked], False)


def test_a_key_is_revoked_once(stores):
    stores.keys.put(key())
    stores.keys.revoke(ADA.key_id, NOW)

    assert stores.keys.revoke(ADA.key_id, NOW + 9) == key(revoked_at=NOW)


@pytest.mark.parametrize(("before", "after"), [(None, NOW), (NOW + 1, NOW), (NOW, NOW), (NOW - 1, NOW - 1)])
def test_a_key_expires_no_later_than_it_would_have(stores, before, after):
    stores.keys.put(key(expires_at=before))

    assert stores.keys.expire(ADA.key_id, NOW) == key(expires_at=after)
    assert stores.keys.get(ADA.key_id) == key(expires_at=after)


@pytest.mark.parametrize("change", ["revoke", "expire"])
def test_no_key_is_made_by_changing_one(stores, change):
    with pytest.raises(NotFound):
        getattr(stores.keys, change)(ADA.key_id, NOW)

    assert stores.keys.get(ADA.key_id) is None


@pytest.mark.parametrize("mishap", ["losing_reply", "sent_twice"])
@pytest.mark.parametrize("change", ["revoke", "expire"])
def test_a_change_whose_reply_was_lost_can_be_repeated(stores, mishap, change):
    stores.keys.put(key())

    getattr(stores, mishap)(lambda: getattr(stores.keys, change)(ADA.key_id, NOW))

    expected = key(revoked_at=NOW) if change == "revoke" else key(expires_at=NOW)
    assert getattr(stores.keys, change)(ADA.key_id, NOW) == expected


def test_a_key_that_was_revoked_is_not_put_again(stores):
    stores.keys.put(key())
    stores.keys.revoke(ADA.key_id, NOW)

    with pytest.raises(Conflict):
        stores.keys.put(key())


def test_an_equal_key_is_put_again(stores):
    stores.keys.put(key())
    stores.keys.put(key())

    assert stores.keys.list("acme", None, after=None, limit=2) == ([key()], False)


def test_a_dropped_plan_is_gone(stores):
    stores.keys.put_plan(Plan("free"))
    stores.keys.put_plan(Plan("paid"))

    stores.keys.drop_plan("free")
    stores.keys.drop_plan("free")

    assert stores.keys.plans() == {"paid": Plan("paid")}


@pytest.mark.parametrize(
    ("changes", "used"),
    [({}, True), ({"expires_at": NOW + 1}, True), ({"expires_at": NOW}, False), ({"revoked_at": NOW}, False)],
)
def test_a_plan_is_used_by_keys_that_are_good(stores, changes, used):
    stores.keys.put(key(**changes))

    assert stores.keys.is_used("free", NOW) == used
    assert not stores.keys.is_used("paid", NOW)


def test_a_plan_is_used_until_its_key_is_revoked(stores):
    stores.keys.put(key())

    stores.keys.revoke(ADA.key_id, NOW)

    assert not stores.keys.is_used("free", NOW)


def test_a_plan_is_used_while_its_key_has_not_expired(stores):
    stores.keys.put(key())

    stores.keys.expire(ADA.key_id, NOW + 5)

    assert stores.keys.is_used("free", NOW + 4)
    assert not stores.keys.is_used("free", NOW + 5)


def test_a_tenants_record_is_replaced(stores):
    assert stores.keys.tenant("acme") is None

    assert stores.keys.change_tenant("acme", lambda old: msgspec.structs.replace(old, plan="free")).plan == "free"
    assert stores.keys.is_used("free", NOW)
    assert stores.keys.change_tenant("acme", lambda _: HOOKED) == HOOKED

    assert stores.keys.tenant("acme") == HOOKED
    assert not stores.keys.is_used("free", NOW)


def test_a_tenants_record_is_found_by_its_tag(stores):
    stores.keys.change_tenant("acme", lambda _: HOOKED)

    assert stores.keys.tagged_tenant(tenant_tag("acme")) == HOOKED
    assert stores.keys.tagged_tenant(tenant_tag("beta")) is None


def test_a_change_of_a_tenant_that_is_sent_twice_is_made_once(stores):
    stores.keys.change_tenant("acme", lambda _: HOOKED)

    def longer(old):
        return msgspec.structs.replace(old, plan=(old.plan or "") + "x")

    for _ in range(2):
        stores.sent_twice(lambda: stores.keys.change_tenant("acme", longer))
    assert stores.keys.tenant("acme").plan == "xx"


def test_no_change_of_a_tenant_gets_lost(stores):
    if not stores.concurrent:
        pytest.skip("this engine is not safe for threads")

    def add(letter):
        stores.keys.change_tenant("acme", lambda old: msgspec.structs.replace(old, plan=(old.plan or "") + letter))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(add, "abcdefgh"))
    assert sorted(stores.keys.tenant("acme").plan) == list("abcdefgh")


def test_uses_are_those_of_each_subject(stores):
    stores.turns.reserve(reservation("t-1"))
    stores.turns.reserve(reservation("t-2", credential=BOB, now=NOW + 60))
    keys = (Subject("key", ADA.key_id), Subject("key", BOB.key_id), Subject("key", EVE.key_id))

    uses = stores.keys.uses(keys, NOW + 60)

    assert {(subject, window): use.used for subject, found in uses.items() for window, use in found.items()} == {
        (keys[0], "minute"): Charge(),
        (keys[0], "day"): CHARGE,
        (keys[0], "month"): CHARGE,
        **{(keys[1], window): CHARGE for window in ("minute", "day", "month")},
        **{(keys[2], window): Charge() for window in ("minute", "day", "month")},
    }


def test_more_subjects_than_one_read_takes_are_read(stores):
    stores.turns.reserve(reservation())
    many = tuple(Subject("key", f"{number:040d}") for number in range(250))

    uses = stores.keys.uses((*many, Subject("key", ADA.key_id)), NOW)

    assert len(uses) == 251
    assert uses[Subject("key", ADA.key_id)]["day"].used == CHARGE


def test_nobody_has_used_nothing(stores):
    assert stores.keys.uses((), NOW) == {}
