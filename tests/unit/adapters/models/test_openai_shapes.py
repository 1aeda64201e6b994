"""What OpenAI-compatible servers really send: one recorded shape each, cut to what matters."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.openai import OpenAiModel
from chalicelib.adapters.models.openai_faults import refused
from chalicelib.adapters.models.openai_wire import encode
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    Completion,
    Delta,
    Developer,
    ToolCall,
    Usage,
    User,
)
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelRejected, ModelThrottled, ModelUnavailable
from chalicelib.domain.transcript import Transcript

REQUEST = ChatRequest("m", (User("hi"),), 50)


class Recorded:
    """Says what a server once said."""

    def __init__(self, *events, body=b""):
        self.said = events
        self.body = body

    def post(self, path, body, patience=None):
        return self.body

    def events(self, path, body, patience=None):
        yield from (event for event in self.said)  # a generator, which can be sent to


def chunk(delta=None, *, reason=None, **more):
    return json.dumps({"id": "c-1", "choices": [{"index": 0, "delta": delta or {}, "finish_reason": reason}], **more})


def piece(index=None, call_id=None, name=None, arguments=None):
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    known = {"index": index, "id": call_id, "function": function}
    return chunk({"tool_calls": [{key: value for key, value in known.items() if value is not None}]})


def streamed(*events):
    transcript = Transcript()
    for delta in OpenAiModel(Recorded(*events)).stream(REQUEST):
        assert delta != Delta()
        transcript.add(delta)
    return transcript.completion()


def whole(message, reason="stop", **more):
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return OpenAiModel(Recorded(body=json.dumps({"id": "c-1", "choices": [choice], **more}).encode())).complete(REQUEST)


COUNTED = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}

STREAMS = {
    "openai": (
        chunk({"role": "assistant", "content": "", "refusal": None}, usage=None),
        chunk({"content": "Hi"}, usage=None),
        chunk(reason="stop", usage=None),
        json.dumps({"choices": [], "usage": {**COUNTED, "prompt_tokens_details": {"cached_tokens": 0}}}),
        "[DONE]",
    ),
    "azure": (
        json.dumps(
            {"id": "", "choices": [], "model": "", "object": "", "prompt_filter_results": [{"prompt_index": 0}]}
        ),
        chunk({"role": "assistant", "content": ""}),
        json.dumps({"id": "c-1", "choices": [{"index": 0, "delta": {"content": "Hi"}, "content_filter_results": {}}]}),
        chunk(reason="stop"),
        json.dumps({"id": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {}}]}),
        json.dumps({"choices": [], "usage": COUNTED}),
        "[DONE]",
    ),
    "vllm": (
        chunk({"role": "assistant", "content": ""}, usage={"prompt_tokens": 9, "total_tokens": 9}),
        chunk({"content": "Hi"}, reason="stop", stop_reason=None),
        json.dumps({"choices": [], "usage": {**COUNTED, "prompt_tokens_details": None}}),
        "[DONE]",
    ),
    "ollama": (
        chunk({"role": "assistant", "content": "Hi"}, reason=""),
        chunk({"role": "assistant", "content": ""}, reason="stop"),
        json.dumps({"choices": [], "usage": COUNTED}),
        "[DONE]",
    ),
    "llama.cpp": (
        chunk({"role": "assistant", "content": None}),
        chunk({"content": "Hi"}),
        chunk(reason="stop"),
        json.dumps({"choices": [], "usage": COUNTED, "timings": {"prompt_n": 9, "predicted_ms": 3.5}}),
        "[DONE]",
    ),
    "groq": (
        chunk({"role": "assistant", "content": ""}, x_groq={"id": "req_1"}),
        chunk({"content": "Hi"}),
        chunk(reason="stop", x_groq={"id": "req_1", "usage": {"queue_time": 0.01, **COUNTED}}),
        "[DONE]",
    ),
    "mistral": (
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": "Hi"}, reason="stop", usage=COUNTED, p="abcdef"),
        "[DONE]",
    ),
    "kimi": (
        chunk({"role": "assistant", "content": "Hi"}),
        json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": COUNTED}]}),
        "[DONE]",
    ),
    "tgi": (
        chunk({"role": "assistant", "content": "Hi"}),
        chunk({"content": ""}, reason="eos_token", usage=COUNTED),
        "[DONE]",
    ),
}


@pytest.mark.parametrize("server", STREAMS)
def test_a_stream_of_each_server_says_the_same(server):
    assert streamed(*STREAMS[server]) == Completion(text="Hi", finish_reason="stop", usage=Usage(9, 2))


REASONING = {
    "deepseek": ({"role": "assistant", "content": None, "reasoning_content": "Hm"}, {"content": "Hi"}),
    "openrouter": ({"content": "", "reasoning": "Hm", "reasoning_details": [{"text": "Hm"}]}, {"content": "Hi"}),
    "groq": ({"reasoning": "Hm"}, {"content": "Hi", "reasoning": None}),
    "magistral": (
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}]},
        {"content": [{"type": "text", "text": "Hi"}]},
    ),
}


@pytest.mark.parametrize("server", REASONING)
def test_reasoning_is_told_apart_wherever_it_stands(server):
    first, last = REASONING[server]

    answer = streamed(chunk(first), chunk(last), chunk(reason="stop"), "[DONE]")

    assert (answer.text, answer.reasoning) == ("Hi", "Hm")


def test_a_whole_answer_in_parts():
    parts = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]}, {"type": "text", "text": "Hi"}, {}]

    answer = whole({"content": parts})

    assert (answer.text, answer.reasoning) == ("Hi", "Hm")


CALLS = (
    ToolCall("a", CalledFunction("f", '{"x": 1}')),
    ToolCall("b", CalledFunction("g", "{}")),
)
CALLING = {
    "openai": (
        piece(0, "a", "f", ""),
        piece(0, arguments='{"x":'),
        piece(0, arguments=" 1}"),
        piece(1, "b", "g", ""),
        piece(1, arguments="{}"),
    ),
    "repeats id and name": (piece(0, "a", "f", '{"x":'), piece(0, "a", "f", " 1}"), piece(1, "b", "g", "{}")),
    "name after id": (piece(0, "a"), piece(0, None, "f", '{"x": 1}'), piece(1, "b", "g", "{}")),
    "gemini, without index": (piece(None, "a", "f", '{"x": 1}'), piece(None, "b", "g", "{}")),
    "gemini, cut": (
        piece(None, "a", "f", '{"x":'),
        piece(None, None, None, " 1}"),
        piece(None, "b", "g"),
        piece(None, "b", None, "{}"),
    ),
    "dynamo, index 0 for each": (piece(0, "a", "f", '{"x": 1}'), piece(0, "b", "g", "{}")),
    "anthropic behind a proxy, from index 1": (piece(1, "a", "f", '{"x": 1}'), piece(2, "b", "g", "{}")),
    "interleaved": (
        piece(0, "a", "f", '{"x":'),
        piece(1, "b", "g", "{"),
        piece(0, arguments=" 1}"),
        piece(1, arguments="}"),
    ),
}


@pytest.mark.parametrize("server", CALLING)
@pytest.mark.parametrize("ending", [(chunk(reason="tool_calls"),), (chunk(reason="stop"),), ("[DONE]",)])
def test_tool_calls_of_each_server_are_the_same(server, ending):
    answer = streamed(*CALLING[server], *ending)

    assert (answer.tool_calls, answer.finish_reason) == (CALLS, "tool_calls")


def test_calls_without_an_id_are_given_one_each():
    answer = streamed(piece(None, None, "f", '{"x": 1}'), piece(None, "", "g", "{}"), chunk(reason="tool_calls"))

    assert [call.id for call in answer.tool_calls] == ["c-1-0", "c-1-1"]
    assert [call.function for call in answer.tool_calls] == [call.function for call in CALLS]


def test_calls_of_a_whole_answer():
    calls = [
        {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}},
        {"id": "b", "function": {"name": "g"}},
    ]

    answer = whole({"content": "", "tool_calls": calls})

    assert answer.tool_calls == (
        ToolCall("c-1-0", CalledFunction("f", '{"x":1}')),
        ToolCall("b", CalledFunction("g", "{}")),
    )
    assert (answer.text, answer.finish_reason) == (None, "tool_calls")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("stop", "stop"),
        ("eos", "stop"),
        ("end_turn", "stop"),
        ("STOP", "stop"),
        ("function_call", "stop"),  # without a call there is none
        ("length", "length"),
        ("max_tokens", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("SAFETY", "content_filter"),
    ],
)
def test_reasons_have_many_names(said, meant):
    assert whole({"content": "Hi"}, said).finish_reason == meant
    assert streamed(chunk({"content": "Hi"}, reason=said)).finish_reason == meant


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        (None, Usage()),
        ({}, Usage()),
        ({"prompt_tokens": None, "completion_tokens": None}, Usage()),
        (COUNTED | {"prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3}}, Usage(9, 2, 4, 0, 3)),
        (COUNTED | {"prompt_tokens_details": {"cached_tokens": 99}}, Usage(9, 2, 9)),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "total_tokens": 397}
            | {"completion_tokens_details": {"reasoning_tokens": 386}},
            Usage(10, 387, 0, 386),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 9}, Usage(9, 5)),
    ],
    ids=["none", "empty", "nulls", "cached", "too much cached", "xai", "wrong total"],
)
def test_usage_is_read_as_each_server_means_it(stated, meant):
    assert whole({"content": "Hi"}, usage=stated).usage == meant


FAULTS = {
    "openrouter, 429 with 200": ({"error": {"code": 429, "message": "slow down", "metadata": {}}}, ModelThrottled),
    "openrouter, 400 with 200": ({"error": {"code": 400, "message": "bad"}}, ModelRejected),
    "vllm, of old": ({"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}, ModelRejected),
    "mistral": ({"object": "error", "message": {"detail": []}, "type": "rate_limited"}, ModelThrottled),
    "groq": ({"choices": [], "x_groq": {"id": "r", "error": "over_capacity"}}, ModelUnavailable),
    "ollama": ({"error": "an error was encountered while running the model"}, ModelUnavailable),
    "anthropic": ({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ModelThrottled),
    "azure": ({"error": {"code": "content_filter", "message": "filtered", "status": 400}}, ModelRejected),
}


@pytest.mark.parametrize("server", FAULTS)
def test_an_error_that_comes_with_200_has_its_meaning(server):
    said, expected = FAULTS[server]

    with pytest.raises(expected):
        OpenAiModel(Recorded(body=json.dumps(said).encode())).complete(REQUEST)
    with pytest.raises(expected):
        streamed(json.dumps(said))


BROKEN_OFF = {
    "openrouter": chunk({"content": ""}, reason="error", error={"code": "server_error", "message": "disconnected"}),
    "openrouter, of the choice": json.dumps(
        {"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error": {"code": 502, "message": "m"}}]}
    ),
    "vllm": chunk(reason="abort"),
    "deepseek": chunk(reason="insufficient_system_resource"),
    "llama.cpp": json.dumps({"error": {"code": 500, "message": "m", "type": "server_error"}}),
}


@pytest.mark.parametrize("server", BROKEN_OFF)
def test_an_answer_that_is_given_up_in_the_middle_is_a_fault_after_its_pieces(server):
    stream = OpenAiModel(Recorded(chunk({"content": "Hi"}), BROKEN_OFF[server], "[DONE]")).stream(REQUEST)

    assert next(stream) == Delta(text="Hi")
    with pytest.raises(ModelUnavailable):
        next(stream)


@pytest.mark.parametrize("server", BROKEN_OFF)
def test_what_is_given_up_before_a_word_has_burned_tokens_all_the_same(server):
    with pytest.raises(ModelGarbled) as raised:
        streamed(chunk({"role": "assistant", "content": ""}), BROKEN_OFF[server])

    assert raised.value.burned


def test_an_error_before_the_model_began_burned_nothing():
    with pytest.raises(ModelThrottled) as raised:
        streamed(STREAMS["azure"][0], json.dumps({"error": {"code": 429, "message": "m"}}))

    assert not raised.value.burned


@pytest.mark.parametrize("events", [(), ("[DONE]",), (STREAMS["azure"][0],), (chunk({"role": "assistant"}),)])
def test_a_stream_that_says_nothing_is_no_answer(events):
    with pytest.raises(ModelGarbled):
        streamed(*events)


def test_an_empty_answer_that_ends_in_good_order_is_one():
    assert streamed(chunk({"role": "assistant", "content": ""}), "[DONE]").finish_reason == "stop"


def test_a_whole_answer_that_was_given_up_has_burned_tokens():
    with pytest.raises(ModelGarbled):
        whole({"content": "Hi"}, "error")


def sent(*messages, **options):
    return json.loads(
        encode(ChatRequest("m", messages, 9), **{"model": "", "cap": "max_tokens", "stream": True, **options})
    )


def test_what_strict_servers_refuse_is_not_sent():
    echoed = Assistant("Hi", refusal=None, annotations=(), audio=None, function_call=None)

    body = sent(Developer("be brief"), User("hi"), echoed, usage=False)

    assert body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "Hi"},
    ]
    assert "stream_options" not in body


FIELDS = st.sampled_from(
    [
        "choices",
        "message",
        "delta",
        "content",
        "finish_reason",
        "tool_calls",
        "index",
        "id",
        "function",
        "name",
        "arguments",
        "usage",
        "error",
        "code",
        "type",
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "cached_tokens",
        "x_groq",
        "object",
        "reasoning",
        "thinking",
        "text",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | FIELDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=25,
)
MESSAGES = st.dictionaries(st.sampled_from(["content", "tool_calls", "reasoning", "refusal"]), VALUES)
CHOICES = st.fixed_dictionaries({}, optional={"message": MESSAGES, "delta": MESSAGES, "finish_reason": VALUES})
ANSWERS = VALUES | st.fixed_dictionaries(
    {"choices": st.lists(CHOICES, max_size=2)}, optional={"usage": VALUES, "error": VALUES, "object": VALUES}
)


@given(st.lists(ANSWERS, min_size=1, max_size=4))
def test_whatever_a_server_says_is_an_answer_or_a_fault_of_the_model(said):
    bodies = [json.dumps(each) for each in said]

    with suppress(ModelError):
        OpenAiModel(Recorded(body=bodies[0].encode())).complete(REQUEST)
    with suppress(ModelError):
        streamed(*bodies, "[DONE]")


@given(st.binary(max_size=40))
def test_whatever_bytes_a_server_sends_are_an_answer_or_a_fault_of_the_model(body):
    with suppress(ModelError):
        OpenAiModel(Recorded(body=body)).complete(REQUEST)
    with suppress(ModelError):
        streamed(body.decode(errors="replace"))
    assert isinstance(refused(400, body, None), ModelError)
