"""One HTTP call: its credential, its query and its body."""

import base64
import contextvars
import json
from contextlib import suppress
from types import SimpleNamespace

import msgspec
import pytest
from chalice.app import Request
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import BadRequest, PayloadTooLarge, Unauthorized, UnsupportedMedia
from chalicelib.edge import call as edge
from chalicelib.edge.call import Call, decode
from chalicelib.edge.chat_request import ChatBody
from chalicelib.edge.gateway import Gateway
from tests.builders import NOW, a_credential, an_event

GOOD = {"model": "small", "messages": [{"role": "user", "content": "Hi"}]}
TOKEN = a_credential().token


@pytest.fixture
def gateway_call():
    """Begins a call in a function that has so many seconds left."""
    gateway = Gateway("test", configure_logs=False)

    def begun(seconds):
        context = SimpleNamespace(get_remaining_time_in_millis=lambda: int(seconds * 1000))
        gateway.current_request = Request(an_event("post_chat"), context)
        return edge.begin()

    yield begun
    gateway.current_request = None


class Capped(msgspec.Struct):
    max_tokens: int | None = None


def a_call(event="post_chat", *, headers=None, **changes):
    recorded = an_event(event, key=TOKEN, **changes)
    recorded["headers"] |= headers or {}
    return Call(Request(recorded), "turn", NOW)


def test_a_request_is_begun_once_and_the_next_one_anew(gateway_call):
    first = gateway_call(60)
    again = edge.begin()
    following = gateway_call(60)

    assert again is first
    assert following.turn_id != first.turn_id


def test_a_token_is_read_from_the_authorization_header():
    assert a_call().credential.token == TOKEN


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_may_be_in_any_case(scheme):
    assert a_call(headers={"Authorization": f"{scheme} {TOKEN}"}).credential.token == TOKEN


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, "Bearer x", f"Bearer {TOKEN}x"])
def test_anything_else_is_unauthorized(value):
    with pytest.raises(Unauthorized):
        _ = a_call(headers={"Authorization": value}).credential


def test_the_gateways_request_id_is_the_calls():
    assert a_call().request_id == "22222222-3f0b-4f7f-9a45-1d0a3f6d0b11"


def test_a_call_without_a_request_id_is_named_by_its_turn():
    call = a_call()
    del call.request.context["requestId"]

    assert call.request_id == "turn"


def test_the_origin_of_a_call_names_its_route_by_placeholders():
    origin = a_call("list_items").origin

    assert (origin["method"], origin["route"]) == ("GET", "/v1/conversations/{conversation_id}/items")
    assert origin["request_id"] == a_call("list_items").request_id


def test_the_last_of_a_repeated_query_parameter_counts():
    call = a_call("list_items")

    assert (call.query("limit"), call.query("order"), call.query("after")) == ("2", "asc", None)


def test_a_call_without_a_query_has_no_parameter():
    assert a_call("get_models").query("limit") is None


@pytest.mark.parametrize("event", ["post_chat", "post_chat_base64"])
def test_a_body_is_read_from_text_and_from_base64(event):
    assert a_call(event).body(ChatBody).model == "nova-lite"


@pytest.mark.parametrize("media", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_known_by_its_media_type(media):
    assert a_call(headers={"Content-Type": media}).body(ChatBody)


@pytest.mark.parametrize("media", ["text/plain", "multipart/form-data; boundary=x", "application/jsonp", ""])
def test_another_media_type_is_refused(media):
    with pytest.raises(UnsupportedMedia):
        a_call(headers={"Content-Type": media}).body(ChatBody)


@pytest.mark.parametrize("number", ["16", "16.0", "1.6e1"])
def test_a_whole_number_is_one_however_it_is_written(number):
    assert decode(b'{"max_tokens": %s}' % number.encode(), Capped).max_tokens == 16


@pytest.mark.parametrize("number", ["16.5", "1e999", "-1e400"])
def test_another_number_is_none(number):
    with pytest.raises(BadRequest):
        decode(b'{"max_tokens": %s}' % number.encode(), Capped)


@pytest.mark.parametrize("later", ["1e999", "{", "[" * 20_000])
def test_what_follows_a_number_may_still_be_invalid(later):
    with pytest.raises((BadRequest, PayloadTooLarge)):
        decode(b'{"max_tokens": 16.0, "x": %s}' % later.encode(), Capped)


def test_the_body_of_nobody_is_not_read():
    with pytest.raises(Unauthorized):
        a_call(headers={"Authorization": "Bearer nobody"}, body="{").body(ChatBody)


@pytest.mark.parametrize("body", ["!", "e30", "ä"])
def test_bad_base64_is_a_bad_request(body):
    with pytest.raises(BadRequest):
        a_call(body=body, isBase64Encoded=True).body(ChatBody)


@pytest.mark.parametrize("encode", [str, lambda text: base64.b64encode(text.encode()).decode()])
def test_a_body_that_is_too_large_is_refused(encode):
    body = json.dumps({**GOOD, "user": "x" * edge.MOST_BODY_BYTES})

    with pytest.raises(PayloadTooLarge):
        a_call(body=encode(body), isBase64Encoded=encode is not str).body(ChatBody)


def test_the_largest_body_is_read():
    frame = len(json.dumps({**GOOD, "user": ""}))
    body = json.dumps({**GOOD, "user": "x" * (edge.MOST_BODY_BYTES - frame)})

    assert a_call(body=body).body(ChatBody)


def test_size_is_counted_in_bytes():
    body = json.dumps({**GOOD, "user": "漢" * (edge.MOST_BODY_BYTES // 3)}, ensure_ascii=False)

    with pytest.raises(PayloadTooLarge):
        a_call(body=body).body(ChatBody)


@given(st.binary(max_size=200))
def test_bytes_are_a_body_or_a_bad_request(raw):
    with suppress(BadRequest):
        decode(raw, ChatBody)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(field=st.sampled_from(ChatBody.__struct_fields__), value=anything)
def test_any_value_in_any_field_is_taken_or_a_bad_request(field, value):
    raw = json.dumps({**GOOD, field: value}).encode()

    with suppress(BadRequest):
        decode(raw, ChatBody)


def nested(opening, closing, depth):
    tool = b'{"type":"function","function":{"name":"f","parameters":{"a":%s1%s}}}'
    inside = tool % (opening * depth, closing * depth)
    return b'{"model":"small","messages":[{"role":"user","content":"Hi"}],"tools":[%s]}' % inside


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
@pytest.mark.parametrize("depth", [edge.MOST_DEPTH, 900, 990, 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused(brackets, depth):
    with pytest.raises(PayloadTooLarge):
        decode(nested(*brackets, depth), ChatBody)


@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")])
def test_a_body_may_be_nested_as_deeply_as_schemas_are(brackets):
    assert decode(nested(*brackets, edge.MOST_DEPTH - 5), ChatBody)


@pytest.mark.parametrize("pair", [b"[]", b"{}"])
def test_a_body_of_too_many_parts_is_refused(pair):
    most = edge.MOST_PARTS - 1

    assert decode(b"[" + b",".join([pair] * most) + b"]", list)
    with pytest.raises(PayloadTooLarge, match="arrays and objects"):
        decode(b"[" + b",".join([pair] * (most + 1)) + b"]", list)


def test_brackets_in_a_text_are_no_depth():
    text = '\\"' + "[{" * 1_000

    assert decode(json.dumps({**GOOD, "user": text}).encode(), ChatBody).user == text


def test_many_brackets_that_are_closed_are_no_depth():
    schema = {"enum": [[] for _ in range(1_000)]}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert decode(json.dumps({**GOOD, "tools": [tool]}).encode(), ChatBody)


@pytest.mark.parametrize(
    ("change", "param", "code"),
    [
        ({"modell": "x"}, "modell", "unknown_parameter"),
        ({"messages": [{"role": "user", "content": "Hi", "x": 1}]}, "messages[0].x", "unknown_parameter"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "missing_required_parameter"),
        ({"messages": [{"role": "wizard", "content": "Hi"}]}, "messages[0].role", "invalid_value"),
        ({"temperature": "hot"}, "temperature", "invalid_value"),
    ],
)
def test_the_field_at_fault_is_named(change, param, code):
    with pytest.raises(BadRequest) as caught:
        decode(json.dumps({**GOOD, **change}).encode(), ChatBody)

    assert (caught.value.param, caught.value.code) == (param, code)
    assert param in caught.value.message


@pytest.mark.parametrize("change", [{"x" * 100_000: 1}, {"reasoning_effort": "x" * 100_000}])
def test_an_error_quotes_little_of_the_body(change):
    with pytest.raises(BadRequest) as caught:
        decode(json.dumps({**GOOD, **change}).encode(), ChatBody)

    assert len(caught.value.message) < 500
    assert len(caught.value.param) <= 200


def test_outside_a_call_there_is_none():
    with pytest.raises(edge.Misconfigured):
        contextvars.Context().run(edge.begin)


@pytest.mark.parametrize(("left", "spent"), [(900, 825), (300, 225), (60, 30), (1, 0.5), (0, 0)])
def test_streams_are_read_until_a_model_may_be_silent_once_more(gateway_call, left, spent):
    call = gateway_call(left)

    assert call.until - call.now == pytest.approx(spent, abs=1e-3)
