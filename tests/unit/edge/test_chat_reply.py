"""Answers on the wire: whole, and as events."""

import json

import msgspec
import pytest

from chalicelib.domain.budget import Gauge, Standing
from chalicelib.domain.chat import CalledFunction, Delta, ToolCall, ToolCallDelta, Usage
from chalicelib.domain.errors import ModelTimeout
from chalicelib.domain.turn import Head, Reply, Streamed
from chalicelib.edge import chat_reply
from chalicelib.edge.chat_reply import Events
from chalicelib.edge.headers import head_headers, limit_headers
from tests.builders import NOW, a_completion

HEAD = Head("turn", "small", NOW, "miss", "simulated://echo", 1, Standing(), 3)


class Deltas:
    """A stream that says whether it was closed."""

    def __init__(self, *deltas):
        self.deltas = iter(deltas)
        self.closed = False

    def __iter__(self):
        return self

    def __next__(self):
        delta = next(self.deltas)
        if isinstance(delta, Exception):
            raise delta
        return delta

    def close(self):
        self.closed = True


def sent(*deltas, with_usage=False, head=HEAD):
    pieces = list(Events(Streamed(head, Deltas(*deltas)), with_usage=with_usage))
    assert all(piece.startswith(b"data: ") and piece.endswith(b"\n\n") for piece in pieces)
    texts = b"".join(pieces).decode().split("\n\n")[:-1]
    return [text[6:] if text == "data: [DONE]" else json.loads(text[6:]) for text in texts]


def whole(completion, head=HEAD):
    return json.loads(chat_reply.whole(Reply(head, completion)).body)


def test_a_whole_answer_carries_text_reason_and_usage():
    body = whole(a_completion("Hi", usage=Usage(10, 8, cached_input_tokens=4, reasoning_tokens=2)))

    assert body["id"] == "chatcmpl-turn"
    assert body["choices"][0]["message"]["content"] == "Hi"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 8,
        "total_tokens": 18,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }


def test_an_answer_of_calls_has_no_text():
    call = ToolCall(id="call_1", function=CalledFunction(name="f", arguments="{}"))

    message = whole(a_completion(None, tool_calls=(call,), finish_reason="tool_calls"))["choices"][0]["message"]

    assert message["content"] is None
    assert message["tool_calls"] == [{"type": "function", "id": "call_1", "function": {"name": "f", "arguments": "{}"}}]


def test_a_refusal_is_passed_on():
    assert whole(a_completion(None, refusal="No."))["choices"][0]["message"]["refusal"] == "No."


def test_reasoning_stands_beside_the_answer():
    message = whole(a_completion("Hi", reasoning="hm"))["choices"][0]["message"]
    _, thought, said, *_ = sent(Delta(reasoning="hm"), Delta(text="Hi"))

    assert (message["content"], message["reasoning_content"]) == ("Hi", "hm")
    assert thought["choices"][0]["delta"] == {"reasoning_content": "hm"}
    assert said["choices"][0]["delta"] == {"content": "Hi"}


def test_a_conversation_is_named_in_answer_and_chunks():
    head = msgspec.structs.replace(HEAD, conversation="conv_1")

    assert whole(a_completion(), head)["conversation"] == "conv_1"
    assert sent(Delta(text="Hi"), head=head)[0]["conversation"] == "conv_1"


def test_what_has_nothing_to_say_is_no_event():
    events = sent(*[Delta()] * 5_000, Delta(text="Hi"), Delta(usage=Usage(1, 1)))

    assert len(events) == 3  # the role, the text, the end


def test_text_reason_and_usage_of_one_piece_are_three_events():
    role, text, reason, usage, done = sent(Delta(text="Hi", finish_reason="stop", usage=Usage(1, 2)), with_usage=True)

    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert text["choices"][0]["delta"] == {"content": "Hi"}
    assert reason["choices"][0]["finish_reason"] == "stop"
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 3)
    assert done == "[DONE]"


def test_a_call_is_named_in_its_first_piece_alone():
    _, first, second, _ = sent(
        Delta(tool_calls=(ToolCallDelta(0, "call_1", "f"),)),
        Delta(tool_calls=(ToolCallDelta(0, arguments='{"a"'),)),
    )

    assert first["choices"][0]["delta"]["tool_calls"] == [
        {"index": 0, "id": "call_1", "type": "function", "function": {"name": "f", "arguments": ""}}
    ]
    assert second["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "function": {"arguments": '{"a"'}}]


def test_a_refusal_is_streamed():
    assert sent(Delta(refusal="No."))[1]["choices"][0]["delta"] == {"refusal": "No."}


def test_a_fault_is_the_last_event():
    *_, last = sent(Delta(text="Hi"), ModelTimeout("Silent."), Delta(text="never"))

    assert last == {"error": {"message": "Silent.", "type": "server_error", "param": None, "code": "model_timeout"}}


@pytest.mark.parametrize("read", [0, 1, 2])
def test_closing_ends_the_turn_and_the_events(read):
    deltas = Deltas(Delta(text="Hi"), Delta(text="there"))
    events = Events(Streamed(HEAD, deltas), with_usage=False)
    for _ in range(read):
        next(events)

    events.close()

    assert deltas.closed
    assert list(events) == []


def test_a_stream_that_cannot_be_closed_may_be():
    Events(Streamed(HEAD, iter([Delta(text="Hi")])), with_usage=False).close()


def test_headers_say_how_an_answer_came_about():
    headers = head_headers(HEAD)

    assert headers == {
        "x-tidegate-cache": "miss",
        "x-tidegate-target": "simulated://echo",
        "x-tidegate-attempts": "1",
        "x-tidegate-overhead-ms": "3",
    }


def test_a_meter_without_a_limit_has_no_header():
    assert limit_headers(Standing(tokens=Gauge(1_000, 400, 17))) == {
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "400",
        "x-ratelimit-reset-tokens": "17s",
    }
