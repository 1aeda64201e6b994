"""Conversations on the wire."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.conversation import CallItem, CallOutputItem, MessageItem
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge import conversation_wire as wire
from chalicelib.ports import Page
from tests.builders import NOW, a_principal
from tests.unit.edge.test_call import a_call


def a_page(**query):
    return wire.page_of(a_call("list_items", multiValueQueryStringParameters={k: [v] for k, v in query.items()}))


def test_a_page_is_the_newest_twenty_where_nothing_is_said():
    assert a_page() == Page(20, None, "desc")


def test_a_page_is_what_the_query_says():
    assert a_page(limit="100", after="msg_1", order="asc") == Page(100, "msg_1", "asc")


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "1.5", "²", "1e1", "000000001999", "9" * 5_000])
def test_a_limit_outside_its_range_is_refused(limit):
    with pytest.raises(BadRequest) as caught:
        a_page(limit=limit)

    assert caught.value.param == "limit"


def test_an_unknown_order_is_refused():
    with pytest.raises(BadRequest) as caught:
        a_page(order="up")

    assert caught.value.param == "order"


@given(st.text(max_size=20))
def test_any_limit_is_a_page_or_a_bad_request(limit):
    with suppress(BadRequest):
        assert 1 <= a_page(limit=limit).limit <= 100


def test_items_come_in_their_closed_types():
    items = wire.items_of(
        [
            {"role": "user", "content": "Hi"},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "1"},
        ]
    )

    assert [type(item) for item in items] == [MessageItem, CallItem, CallOutputItem]


@pytest.mark.parametrize(
    ("item", "param"),
    [
        ({}, "items[0].type"),
        ({"type": "reasoning"}, "items[0].type"),
        ({"role": "user"}, "items[0].content"),
        ({"role": "wizard", "content": "Hi"}, "items[0].role"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "items[0].content[0].type"),
        ({"role": "user", "content": "Hi", "colour": "red"}, "items[0].colour"),
    ],
)
def test_an_item_at_fault_is_named(item, param):
    with pytest.raises(BadRequest) as caught:
        wire.items_of([item])

    assert caught.value.param == param


def test_a_new_conversation_is_its_callers():
    call = msgspec.structs.replace(a_call(), turn_id=turn_id(NOW, bytes(RANDOM_BYTES)))
    body = wire.CreateBody(metadata={"topic": "tides"})

    new = wire.conversation_of(call, a_principal(), body)

    assert new.created_at == NOW
    assert new == wire.conversation_of(msgspec.structs.replace(call, now=NOW + 90, is_again=True), a_principal(), body)
    assert new.owner == a_principal().owner
    assert new.metadata == {"topic": "tides"}
    assert new.id.startswith("conv_")
