"""Everything that a model can say, as events and as a response that the openai package accepts to the letter."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from chalicelib.domain.chat import Delta, ToolCallDelta, Usage
from chalicelib.domain.conversation import InputText, MessageItem
from chalicelib.domain.errors import Misconfigured, ModelRejected, ModelThrottled, ModelUnavailable
from chalicelib.domain.outline import retold
from chalicelib.domain.responses import Asked, StoredResponse
from chalicelib.domain.turn import Streamed
from chalicelib.edge.responses_events import ResponseEvents
from chalicelib.edge.responses_reply import response_body
from chalicelib.edge.responses_request import BEFORE_ALL
from chalicelib.pipeline.telling import Telling

EVENT = TypeAdapter(ResponseStreamEvent)
NOW = 1_800_000_000
BEGUN = StoredResponse(
    id="resp_" + "0" * 32,
    owner="acme.ada",
    created_at=NOW,
    expires_at=NOW + 1,
    model="small",
    asked=Asked(),
    input=(MessageItem(role="user", content=(InputText("Hi"),)),),
)
CALL = ToolCallDelta(0, "call_1", "look_up", '{"a": 1}')
END = (Delta(finish_reason="stop"), Delta(usage=Usage(3, 5, 1, 2)))
WORDS = st.text(max_size=4)
CALLS = st.tuples(st.integers(0, 2), WORDS).map(
    lambda pair: ToolCallDelta(pair[0], f"call_{pair[0]}", f"tool_{pair[0]}", pair[1])
)
DELTAS = st.lists(
    st.builds(Delta, text=WORDS, refusal=WORDS, reasoning=WORDS, tool_calls=st.lists(CALLS, max_size=2).map(tuple))
)


def telling(*deltas, fault=None):
    """The steps of a stream, and where what it keeps goes."""

    def said():
        yield from deltas
        if fault is not None:
            raise fault

    kept = []
    return Telling(Streamed(None, said()), BEGUN, keep=kept.append, clock=lambda: NOW + 1), kept


def events(steps):
    found = []
    for number, event in enumerate(ResponseEvents(BEGUN, steps, BEFORE_ALL)):
        data = event.partition(b"data: ")[2]
        EVENT.validate_json(data, strict=True)
        found.append(msgspec.json.decode(data))
        assert found[-1]["sequence_number"] == number
    return found


def told(*deltas, fault=None):
    """The events, and the response that is in the last of them."""
    found = events(telling(*deltas, fault=fault)[0])
    return found, found[-1]["response"]


def body(response):
    return msgspec.json.decode(msgspec.json.encode(response_body(response)))


def said_in(item):
    """The words of an item by its deltas; the client does not put those of refusals and reasoning together."""
    texts = [part["text"] for part in item.get("content", ()) if part["type"] == "output_text"]
    return item["id"], texts, item.get("arguments")


def types(found):
    return [event["type"].removeprefix("response.") for event in found]


def test_reasoning_comes_before_the_answer_as_an_item_of_its_own():
    found, response = told(Delta(reasoning="Hm."), Delta(text="Hi"), *END)

    assert types(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    thought, message = response["output"]
    assert (thought["id"], message["id"]) == ("rs_" + "0" * 32 + "001", "msg_" + "0" * 32 + "002")
    assert thought["content"] == [{"type": "reasoning_text", "text": "Hm."}]


def test_a_refusal_is_told_as_one():
    found, response = told(Delta(refusal="I "), Delta(refusal="cannot."), *END)

    assert types(found)[4:8] == ["refusal.delta", "refusal.delta", "refusal.done", "content_part.done"]
    assert response["output"][0]["content"] == [{"type": "refusal", "refusal": "I cannot."}]


def test_usage_is_told_in_full():
    _, response = told(Delta(text="Hi"), *END)

    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 8,
    }


@pytest.mark.parametrize(
    ("reason", "details"),
    [
        ("length", {"reason": "max_output_tokens"}),
        ("content_filter", {"reason": "content_filter"}),
        (None, {"reason": None}),
    ],
)
def test_why_an_answer_is_incomplete_is_told_where_it_is_known(reason, details):
    found, response = told(Delta(text="Hi"), Delta(finish_reason=reason))

    assert types(found)[-1] == response["status"] == "incomplete"
    assert response["incomplete_details"] == details


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (ModelUnavailable("broke"), "server_error", "broke"),
        (ModelThrottled("full"), "rate_limit_exceeded", "full"),
        (ModelRejected("no"), "invalid_prompt", "no"),
        (Misconfigured("the secret"), "server_error", "The gateway is misconfigured."),
    ],
)
def test_a_fault_is_told_in_openais_codes_and_no_secret(fault, code, message):
    found, response = told(Delta(text="Hi"), Delta(tool_calls=(CALL,)), fault=fault)

    assert types(found)[-1] == response["status"] == "failed"
    assert response["error"] == {"code": code, "message": message}


def test_what_is_kept_is_what_was_told():
    steps, kept = telling(Delta(reasoning="Hm."), Delta(text="Hi"), Delta(tool_calls=(CALL,)), *END)

    found = events(steps)

    (response,) = kept
    assert body(response) == found[-1]["response"]


@given(DELTAS)
def test_the_client_puts_together_whatever_was_said(deltas):
    found, _ = told(*deltas, *END)

    state = ResponseStreamState(input_tools=[], text_format=omit)
    for event in found:
        state.handle_event(EVENT.validate_python(event))
    whole = Response.model_validate(found[-1]["response"], strict=True)
    assert whole.output_text == "".join(delta.text for delta in deltas)
    snapshots = [state._output_items[place].to_dict() for place in sorted(state._output_items)]
    assert [said_in(item) for item in snapshots] == [said_in(item) for item in found[-1]["response"]["output"]]


@given(DELTAS)
def test_an_answer_that_is_told_again_has_the_same_items(deltas):
    steps, kept = telling(*deltas, *END)
    events(steps)
    (response,) = kept

    again = [*events(iter([*retold(response.output), response]))]

    assert again[-1]["response"]["output"] == body(response)["output"]
    closed = {each["output_index"]: each["item"] for each in again if each["type"] == "response.output_item.done"}
    assert [closed[place] for place in sorted(closed)] == again[-1]["response"]["output"]
