"""Conversations between turns."""

import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.memory.conversations import MemoryConversations
from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.conversation import CallItem, CallOutputItem, MessageItem
from chalicelib.domain.errors import NotFound
from chalicelib.pipeline.archive import Archive, NewItems
from chalicelib.ports import Page
from tests.builders import NOW, a_conversation, a_principal, a_turn

OWNER = a_principal().owner
ID = "conv_1"


def an_archive(*turns):
    """An archive of one conversation with turns of so many items."""
    conversations = MemoryConversations(Shelf())
    conversations.create(a_conversation(), None)
    for number, size in enumerate(turns, start=1):
        items = [MessageItem("user", f"{number}.{place}") for place in range(size)]
        conversations.append(OWNER, ID, a_turn(number, *items))
    return Archive(conversations)


def every(archive, order="asc"):
    found, more = archive.items(OWNER, ID, Page(1_000, None, order), now=NOW)
    assert not more
    return list(found)


def said(items):
    return [item.content[0].text for item in items]


def walk(archive, order, limit, between=lambda: None):
    """Every page, with something done between them."""
    after = None
    while True:
        page, more = archive.items(OWNER, ID, Page(limit, after, order), now=NOW)
        yield list(page)
        if not more:
            return
        after = page[-1].id
        between()


shapes = st.lists(st.integers(1, 4), max_size=5)
orders = st.sampled_from(["asc", "desc"])


@given(shapes, orders, st.integers(1, 7))
def test_pages_make_the_whole_list_in_both_orders(turns, order, limit):
    archive = an_archive(*turns)

    pages = list(walk(archive, order, limit))

    assert list(itertools.chain(*pages)) == every(archive, order)
    assert all(len(page) == limit for page in pages[:-1])


@given(sizes=st.lists(st.integers(0, 250), max_size=8), order=orders, limit=st.integers(1, 5))
def test_pages_of_large_items_end_early_and_make_the_whole_list(sizes, order, limit):
    archive = an_archive()
    for number, size in enumerate(sizes, start=1):
        archive.conversations.append(OWNER, ID, a_turn(number, MessageItem("user", "é" * size)))
    whole = every(archive, order)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chalicelib.pipeline.archive.PAGE_BYTES", 500)
        pages = list(walk(archive, order, limit))

    assert list(itertools.chain(*pages)) == whole
    assert all(len(page) == 1 or sum(len(msgspec.json.encode(item)) for item in page) <= 500 for page in pages[:-1])


def test_a_page_fits_a_lambda_answer():
    archive = an_archive()
    for number in range(1, 5):
        archive.conversations.append(OWNER, ID, a_turn(number, MessageItem("user", "x" * 1_500_000)))

    assert [len(page) for page in walk(archive, "asc", 100)] == [2, 2]


@given(shapes, st.integers(1, 9))
def test_one_order_is_the_other_reversed(turns, limit):
    archive = an_archive(*turns)

    forward = [*itertools.chain(*walk(archive, "asc", limit))]

    assert forward == [*itertools.chain(*walk(archive, "desc", limit))][::-1]


@given(turns=shapes, order=orders, limit=st.integers(1, 4), data=st.data())
def test_deletions_between_pages_repeat_and_lose_nothing(turns, order, limit, data):
    archive = an_archive(*turns)
    whole, gone = every(archive, order), set()

    def delete_some():
        left = [item.id for item in every(archive)]
        for name in data.draw(st.lists(st.sampled_from(left), unique=True, max_size=3)) if left else ():
            archive.remove_item(OWNER, ID, name)
            gone.add(name)

    seen = [item.id for page in walk(archive, order, limit, delete_some) for item in page]

    assert len(set(seen)) == len(seen)
    assert [item.id for item in whole if item.id in set(seen)] == seen
    assert {item.id for item in whole} - set(seen) <= gone


@given(shapes, orders)
def test_every_item_is_found_by_its_id(turns, order):
    archive = an_archive(*turns)

    for item in every(archive, order):
        assert archive.item(OWNER, ID, item.id, now=NOW) == item


def test_items_are_in_the_order_in_which_they_were_said():
    assert said(every(an_archive(2, 1, 3))) == ["1.0", "1.1", "2.0", "3.0", "3.1", "3.2"]


def test_items_added_are_shown_with_ids_and_read_back():
    archive = an_archive(1)
    items = (MessageItem("user", "Hi"), CallItem("c", "f", "{}"), CallOutputItem("c", "1"))

    added = archive.add_items(OWNER, ID, NewItems(items, "f" * 32, NOW))

    assert [item.id[:4] for item in added] == ["msg_", "fc_0", "fco_"]
    assert every(archive)[1:] == list(added)
    assert archive.get(OWNER, ID).last == 2


def test_a_conversation_may_begin_with_items():
    archive = Archive(MemoryConversations(Shelf()))

    archive.create(a_conversation(), (MessageItem("user", "Hi"),), turn_id="f" * 32)

    assert said(every(archive)) == ["Hi"]


def test_a_conversation_of_nothing_has_no_turn():
    archive = Archive(MemoryConversations(Shelf()))

    archive.create(a_conversation(), (), turn_id="f" * 32)

    assert archive.get(OWNER, ID).last == 0


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_removed_item_is_gone_and_its_neighbours_keep_their_ids(place):
    archive = an_archive(3)
    items = every(archive)
    target = items.pop(place)

    archive.remove_item(OWNER, ID, target.id)

    assert every(archive) == items
    for call in (
        lambda: archive.item(OWNER, ID, target.id, now=NOW),
        lambda: archive.remove_item(OWNER, ID, target.id),
    ):
        with pytest.raises(NotFound):
            call()


ARCHIVE_CALLS = [
    lambda archive, owner, name: archive.get(owner, name),
    lambda archive, owner, name: archive.update(owner, name, {}),
    lambda archive, owner, name: archive.delete(owner, name),
    lambda archive, owner, name: archive.items(owner, name, Page(), now=NOW),
    lambda archive, owner, name: archive.item(owner, name, every(archive)[0].id, now=NOW),
    lambda archive, owner, name: archive.remove_item(owner, name, every(archive)[0].id),
    lambda archive, owner, name: archive.add_items(owner, name, NewItems((MessageItem("user", "Hi"),), "f", NOW)),
]


@pytest.mark.parametrize("call", ARCHIVE_CALLS)
@pytest.mark.parametrize(("owner", "name"), [("somebody.else", ID), (OWNER, "conv_2")])
def test_what_is_not_the_callers_is_not_found(call, owner, name):
    archive = an_archive(1)
    before = every(archive)

    with pytest.raises(NotFound) as caught:
        call(archive, owner, name)

    assert caught.value.message == NotFound("conversation", name).message
    assert every(archive) == before


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x",
        "msg_1",
        "msg_" + "0" * 27,
        "fc_" + "0" * 7 + "1" + "000" + "0" * 15 + "1",
        "msg_" + "0" * 7 + "1" + "009" + "0" * 15 + "1",
        "msg_" + "0" * 7 + "1" + "000" + "0" * 15 + "2",
        "msg_" + "f" * 27,
    ],
)
def test_an_id_that_no_item_has_is_not_found(name):
    archive = an_archive(1)

    for call in (archive.item, archive.remove_item):
        with pytest.raises(NotFound):
            call(OWNER, ID, name, **({"now": NOW} if call == archive.item else {}))


def test_the_answer_that_an_overdue_turn_did_not_get_is_an_incomplete_item():
    archive = an_archive()
    open_turn = a_turn(1, state="open", lease_until=NOW)
    archive.conversations.append(OWNER, ID, open_turn)

    asked, missing = every(archive)

    assert (asked.status, missing.status, missing.role) == ("completed", "incomplete", "assistant")
    with pytest.raises(NotFound):
        archive.remove_item(OWNER, ID, missing.id)
