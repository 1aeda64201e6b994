"""`Conversations`: one owner each, turns in order, and nothing left of what was deleted."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.conversation import Removed
from chalicelib.domain.errors import Conflict, NotFound
from chalicelib.ports import Page, TurnPage
from tests.contract.samples import (
    NOW,
    OWNER,
    answer,
    answered,
    conversation,
    in_conversation,
    noise,
    said,
    turn,
)

MEGABYTE = 1_000_000
NUMBERS = itertools.count()
WRITTEN = st.text(max_size=2_000)
STRANGER = "somebody.else"
OF_AN_OWNER = {
    "get": lambda store, owner, name: store.get(owner, name),
    "update": lambda store, owner, name: store.update(owner, name, {}),
    "delete": lambda store, owner, name: store.delete(owner, name),
    "append": lambda store, owner, name: store.append(owner, name, turn("t-9", 0, said("x"))),
    "remove_item": lambda store, owner, name: store.remove_item(owner, name, 1, 0),
    "list": lambda store, owner, name: store.list(owner, Page(after=name)),
}
EVERY_CALL = pytest.mark.parametrize("call", OF_AN_OWNER.values(), ids=OF_AN_OWNER)


def turn_numbers(stores, **page):
    return [each.number for each in stores.conversations.turns("conv_1", TurnPage(**page))]


def listed(stores, **page):
    conversations, more = stores.conversations.list(OWNER, Page(**page))
    return [each.id for each in conversations], more


def test_a_conversation_begins_empty(stores):
    stores.conversations.create(conversation(topic="tides"), None)

    assert stores.conversations.get(OWNER, "conv_1") == conversation(topic="tides")
    assert turn_numbers(stores) == []


def test_a_conversation_begins_with_its_first_turn(stores):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))

    assert stores.conversations.get(OWNER, "conv_1").last == 1
    assert stores.conversations.turn("conv_1", 1) == turn("t-1", 1, said("Hello"))


@pytest.mark.parametrize("other", [conversation(owner=STRANGER), conversation(topic="other")])
def test_an_id_is_given_once(stores, other):
    stores.conversations.create(conversation(), None)

    with pytest.raises(Conflict):
        stores.conversations.create(other, turn("t-1", 1, said("Hello")))

    assert stores.conversations.get(OWNER, "conv_1") == conversation()
    assert turn_numbers(stores) == []


def test_metadata_is_replaced(stores):
    stores.conversations.create(conversation(topic="tides", mood="calm"), turn("t-1", 1, said("Hello")))

    updated = stores.conversations.update(OWNER, "conv_1", {"topic": "moon"})

    assert updated == stores.conversations.get(OWNER, "conv_1")
    assert updated.metadata == {"topic": "moon"}
    assert updated.last == 1


@EVERY_CALL
def test_an_unknown_conversation_is_not_found(stores, call):
    with pytest.raises(NotFound):
        call(stores.conversations, OWNER, "conv_1")


@EVERY_CALL
def test_a_foreign_conversation_is_not_found(stores, call):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))
    before = list(stores.conversations.turns("conv_1", TurnPage()))

    with pytest.raises(NotFound):
        call(stores.conversations, STRANGER, "conv_1")

    assert stores.conversations.get(OWNER, "conv_1").metadata == {}
    assert list(stores.conversations.turns("conv_1", TurnPage())) == before


@EVERY_CALL
def test_a_deleted_conversation_is_not_found(stores, call):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))
    stores.conversations.delete(OWNER, "conv_1")

    with pytest.raises(NotFound):
        call(stores.conversations, OWNER, "conv_1")


def test_of_a_deleted_conversation_nothing_is_left(stores):
    stores.conversations.create(conversation(), turn("t-1", 1, said(noise(MEGABYTE))))
    for number in range(2, 41):
        stores.conversations.append(OWNER, "conv_1", turn(f"t-{number}", 0, said("Hello")))

    stores.conversations.delete(OWNER, "conv_1")

    assert stores.stored("conv_1") == 0
    assert listed(stores) == ([], False)


def test_nothing_is_left_of_a_large_turn_that_ended_after_the_deletion(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(text=noise(MEGABYTE))
    stores.turns.reserve(claim)
    stores.conversations.delete(OWNER, "conv_1")

    stores.turns.settle(claim, answered(claim, noise(MEGABYTE, seed=1)))

    assert stores.stored("conv_1") == 0


def test_nothing_is_left_of_a_large_turn_that_was_refused(stores):
    with pytest.raises(NotFound):
        stores.turns.reserve(in_conversation(text=noise(MEGABYTE)))

    assert stores.stored("conv_1") == 0


def test_nothing_is_left_of_a_large_turn_that_was_released(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(text=noise(MEGABYTE))
    stores.turns.reserve(claim)

    stores.turns.release(claim)

    assert stores.stored("conv_1") == 1


def test_conversations_are_listed_by_age_without_their_length(stores):
    for age, name in enumerate(["c", "a", "b"]):
        stores.conversations.create(
            conversation(name, created_at=NOW + age, topic=name), turn(f"t-{name}", 1, said("Hello"))
        )
    stores.conversations.create(conversation("z", owner=STRANGER), None)

    newest, more = stores.conversations.list(OWNER, Page())

    assert newest == [
        conversation("b", created_at=NOW + 2, topic="b"),
        conversation("a", created_at=NOW + 1, topic="a"),
        conversation("c", topic="c"),
    ]
    assert more is False
    assert listed(stores, order="asc") == (["c", "a", "b"], False)


def test_a_list_follows_new_metadata(stores):
    stores.conversations.create(conversation(topic="tides"), None)

    stores.conversations.update(OWNER, "conv_1", {"topic": "moon"})

    assert stores.conversations.list(OWNER, Page())[0][0].metadata == {"topic": "moon"}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_pages_of_a_list_hold_everything_once(stores, order, limit):
    names = [f"conv_{number}" for number in range(5)]
    for name in names:
        stores.conversations.create(conversation(name), None)  # all of the same second

    found, after, more = [], None, True
    while more:
        page, more = listed(stores, limit=limit, after=after, order=order)
        found += page
        after = page[-1]

    assert found == (names if order == "asc" else names[::-1])


def test_a_turn_is_added_at_the_end(stores):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))

    added = stores.conversations.append(OWNER, "conv_1", turn("t-2", 0, said("More")))

    assert added == turn("t-2", 2, said("More"))
    assert stores.conversations.turn("conv_1", 2) == added
    assert stores.conversations.get(OWNER, "conv_1").last == 2


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        ({}, range(40, 0, -1)),
        ({"order": "asc"}, range(1, 41)),
        ({"start": 7}, range(7, 0, -1)),
        ({"start": 35, "order": "asc"}, range(35, 41)),
        ({"limit": 3}, (40, 39, 38)),
        ({"start": 10, "limit": 2, "order": "asc"}, (10, 11)),
        ({"start": 99}, range(40, 0, -1)),
        ({"start": 99, "order": "asc"}, ()),
    ],
)
def test_turns_come_in_order_from_where_they_are_asked_for(stores, page, numbers):
    stores.conversations.create(conversation(), None)
    for number in range(1, 41):
        stores.conversations.append(OWNER, "conv_1", turn(f"t-{number}", 0, said("Hello")))

    assert turn_numbers(stores, **page) == list(numbers)


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [None, 1, 2, 3])
def test_large_turns_come_whole_among_small_ones(stores, order, limit):
    stores.conversations.create(conversation(), turn("t-1", 1, said("small")))
    for number, text in enumerate([noise(MEGABYTE), "small", noise(MEGABYTE, seed=1), "small"], start=2):
        stores.conversations.append(OWNER, "conv_1", turn(f"t-{number}", 0, said(text)))
    expected = [turn("t-1", 1, said("small")), turn("t-2", 2, said(noise(MEGABYTE)))]

    found = list(stores.conversations.turns("conv_1", TurnPage(start=2, order=order, limit=limit)))

    if order == "desc":
        assert found == expected[::-1][:limit]
    else:
        assert [each.number for each in found] == [2, 3, 4, 5][:limit]
        assert found[0] == expected[1]


def test_a_message_of_3_megabytes_makes_the_round_trip(stores):
    stores.conversations.create(conversation(), None)
    claim = in_conversation(text=noise(3 * MEGABYTE))
    ended = answered(claim, "Seen.")

    stores.turns.reserve(claim)
    opened = stores.conversations.turn("conv_1", 1)
    stores.turns.settle(claim, ended)

    assert opened == claim.turn
    assert stores.conversations.turn("conv_1", 1) == ended.turn


def test_a_turn_that_is_not_there_is_none(stores):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello")))

    assert stores.conversations.turn("conv_1", 2) is None
    assert stores.conversations.turn("conv_2", 1) is None


@pytest.mark.parametrize("text", ["Hello", noise(MEGABYTE)], ids=["small", "large"])
def test_a_deleted_item_keeps_its_place_alone(stores, text):
    stores.conversations.create(conversation(), turn("t-1", 1, said(text), answer("Hi!"), said("Bye")))
    stores.conversations.remove_item(OWNER, "conv_1", 1, 0)
    stores.conversations.remove_item(OWNER, "conv_1", 1, 2)

    assert stores.conversations.turn("conv_1", 1).items == (Removed(), answer("Hi!"), Removed())
    assert stores.stored("conv_1") == 2


@pytest.mark.parametrize(("number", "place"), [(1, 1), (1, 2), (2, 0)])
def test_an_item_that_is_not_there_is_not_found(stores, number, place):
    stores.conversations.create(conversation(), turn("t-1", 1, said("Hello"), said("Gone")))
    stores.conversations.remove_item(OWNER, "conv_1", 1, 1)

    with pytest.raises(NotFound):
        stores.conversations.remove_item(OWNER, "conv_1", number, place)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(WRITTEN, max_size=4), metadata=st.dictionaries(WRITTEN, WRITTEN))
def test_any_text_makes_the_round_trip(stores, texts, metadata):
    name = f"conv_{next(NUMBERS)}"

    stores.conversations.create(conversation(name), turn("t-1", 1, *map(said, texts)))
    stores.conversations.update(OWNER, name, metadata)

    assert stores.conversations.turn(name, 1) == turn("t-1", 1, *map(said, texts))
    assert stores.conversations.get(OWNER, name).metadata == metadata
