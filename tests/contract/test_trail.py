"""`Events`, and the ports whose changes are noted: a change and its event are there together, or neither is."""

import msgspec
import pytest

from chalicelib.domain.budget import Plan
from chalicelib.domain.entries import Purge
from chalicelib.domain.erasure import Erasure
from chalicelib.domain.errors import Conflict, NotFound, StoreBusy
from chalicelib.domain.identity import Tenant
from chalicelib.domain.trail import END_OF_TIME, Actor, By, Found, Search
from tests.contract.samples import ADA, NOW, key

ROOT = Actor("root", "operators", "first")
ACME = ("acme", "ada")


def by(call=1, *, at=NOW, **changes):
    return msgspec.structs.replace(By(f"{int(at * 1000):012x}{call:020x}", at, "192.0.2.7", "r-1", ROOT), **changes)


def event(call=1, *, action="key.create", thing="k", whose=ACME, **changes):
    return by(call, **changes).did(action, thing, whose=whose)


def noted(stores, **search):
    return list(stores.events.page(Search(**search)).events)


def objects(stores, **search):
    return [each.object for each in noted(stores, **search)]


def test_an_event_is_as_it_was_told(stores):
    told = by().did("plan.put", "free ☃", {"limits": [{"tokens": 5}], "models": None}, whose=("acme", None))

    stores.events.add(told)

    assert noted(stores) == [told]


def test_what_is_kept_is_never_another(stores):
    first = event()
    stores.events.add(first)

    stores.events.add(first)
    stores.events.add(msgspec.structs.replace(first, object="another"))

    assert noted(stores) == [first]


def test_the_newest_comes_first(stores):
    for at in (NOW, NOW + 2, NOW + 1):
        stores.events.add(event(at=at, thing=str(at - NOW)))

    assert objects(stores) == ["2", "1", "0"]


TIMES = [(NOW + 1, END_OF_TIME, "21"), (0, NOW + 1, "0"), (NOW, NOW + 2, "10")]


@pytest.mark.parametrize(("since", "before", "seen"), TIMES)
def test_a_stretch_of_time_begins_with_its_first_second_and_ends_before_its_last(stores, since, before, seen):
    for at in (NOW, NOW + 1, NOW + 2):
        stores.events.add(event(at=at, thing=str(at - NOW)))

    assert "".join(objects(stores, since=since, before=before)) == seen


def test_pages_follow_one_another(stores):
    for call in range(7):
        stores.events.add(event(call, thing=str(call)))

    pages, after = [], None
    for _ in range(3):
        found = stores.events.page(Search(limit=3, after=after))
        pages.append([each.object for each in found.events])
        after = found.next

    assert pages == [["6", "5", "4"], ["3", "2", "1"], ["0"]]
    assert after is None


@pytest.mark.parametrize(("since", "before"), [(10, 5), (5, 5), (NOW + 60, NOW)])
def test_a_time_that_holds_nothing_has_no_events(stores, since, before):
    stores.events.add(event(0))

    assert stores.events.page(Search(since=since, before=before)) == Found([])


def test_a_full_last_page_is_the_last(stores):
    for call in range(3):
        stores.events.add(event(call))

    assert stores.events.page(Search(limit=3)).next is None


def test_an_event_is_found_by_whom_it_is_about_and_by_who_did_it(stores):
    stores.events.add(event(1, thing="about ada"))
    stores.events.add(event(2, thing="about bob", whose=("acme", "bob")))
    stores.events.add(event(3, thing="about acme", whose=("acme", None)))
    stores.events.add(event(4, thing="by ada", whose=("evil", "eve"), actor=Actor("a", *ACME)))
    stores.events.add(event(5, thing="by nobody's key", whose=None, actor=None))

    assert objects(stores, tenant="acme") == ["by ada", "about acme", "about bob", "about ada"]
    assert objects(stores, tenant="acme", user="ada") == ["by ada", "about ada"]
    assert objects(stores, tenant="evil") == ["by ada"]
    assert objects(stores, tenant="nobody") == []
    assert len(objects(stores)) == 5


def test_an_event_is_found_by_what_was_done(stores):
    stores.events.add(event(1, action="key.create"))
    stores.events.add(event(2, action="key.revoke"))

    assert [each.action for each in noted(stores, action="key.revoke")] == ["key.revoke"]


def test_a_page_looks_through_so_many_events_and_the_next_goes_on(stores, monkeypatch):
    monkeypatch.setattr("chalicelib.domain.trail.MOST_READ", 3)
    for call in range(5):
        stores.events.add(event(call, thing=str(call), action="key.create" if call else "key.revoke"))

    found = stores.events.page(Search(action="key.revoke"))

    assert found.events == []
    assert [each.object for each in stores.events.page(Search(action="key.revoke", after=found.next)).events] == ["0"]


CHANGES = {
    "a key": lambda stores, note: stores.keys.put(key(), note),
    "a plan": lambda stores, note: stores.keys.put_plan(Plan("free"), note),
    "a plan's end": lambda stores, note: stores.keys.drop_plan("free", note),
    "a tenant": lambda stores, note: stores.keys.change_tenant(
        "acme", lambda _: Tenant("acme", "free"), lambda *_: note
    ),
    "a purge": lambda stores, note: stores.decisions.forbid(Purge("t" * 16), NOW, note),
    "an erasure": lambda stores, note: stores.erasures.put(Erasure(tenant="acme", user="ada", started_at=1), note),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noted_with_it(stores, change):
    CHANGES[change](stores, event())

    assert noted(stores) == [event()]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_reply_was_lost_is_noted_once(stores, change):
    stores.sent_twice(lambda: CHANGES[change](stores, event()))
    CHANGES[change](stores, event())

    assert noted(stores) == [event()]


def test_of_two_events_of_one_id_neither_the_second_nor_its_change_is_written(stores):
    if not hasattr(stores, "database"):
        pytest.skip("memory has no writers that could meet")
    stores.events.add(event(thing="another"))
    same = msgspec.structs.replace(event(), id=event(thing="another").id)

    with pytest.raises(StoreBusy):
        stores.keys.put(key(), same)

    assert stores.keys.get(ADA.key_id) is None
    assert objects(stores) == ["another"]


def test_what_is_refused_is_not_noted(stores):
    stores.keys.put(key())

    with pytest.raises(Conflict):
        stores.keys.put(key(plan="paid"), event())
    with pytest.raises(NotFound):
        stores.keys.revoke("k" * 40, NOW, lambda _: event())

    assert noted(stores) == []


def test_a_key_s_end_is_noted_with_the_key_as_it_is_then(stores):
    stores.keys.put(key())

    stores.keys.expire(ADA.key_id, NOW + 9, lambda made: event(1, thing=str(made.expires_at - NOW)))
    stores.keys.revoke(ADA.key_id, NOW + 5, lambda made: event(2, thing=str(made.revoked_at - NOW)))

    assert objects(stores) == ["5", "9"]


def test_what_changes_nothing_notes_nothing(stores):
    stores.keys.put(key())
    stores.keys.revoke(ADA.key_id, NOW)
    stores.keys.change_tenant("acme", lambda _: Tenant("acme", "free"))

    stores.keys.revoke(ADA.key_id, NOW + 1, lambda _: event(1))
    stores.keys.change_tenant("acme", lambda old: old, lambda *_: event(2))

    assert noted(stores) == []


def test_a_tenant_s_change_is_noted_with_what_it_was(stores):
    stores.keys.change_tenant("acme", lambda _: Tenant("acme", "free"))

    stores.keys.change_tenant(
        "acme", lambda _: Tenant("acme", "paid"), lambda old, new: event(thing=f"{old.plan} -> {new.plan}")
    )

    assert objects(stores) == ["free -> paid"]
