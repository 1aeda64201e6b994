"""What goes to an OpenAI-compatible server, and what its failures mean."""

import json
import traceback

import pytest

from chalicelib.adapters.models.openai import open_openai
from chalicelib.adapters.models.openai_faults import fault_in_stream, message_in, refused, retry_after_seconds, wait_in
from chalicelib.adapters.models.openai_stream import DeltaReader
from chalicelib.adapters.models.openai_upstream import connect
from chalicelib.adapters.models.openai_wire import decode, encode
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    Delta,
    Developer,
    FunctionSpec,
    Image,
    ImageUrl,
    JsonSchema,
    Options,
    SchemaFormat,
    Text,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    Usage,
    User,
)
from chalicelib.domain.chat import ChosenFunction as Chosen
from chalicelib.domain.errors import (
    Misconfigured,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

NOW = 1_792_567_800.0  # Wed, 21 Oct 2026 07:30:00 GMT


def body(request, **options):
    return json.loads(encode(request, **{"model": "", "cap": "max_tokens", "stream": False, **options}))


def read(event):
    return DeltaReader().read(event)


def test_the_body_has_openai_s_names():
    call = ToolCall("call_1", CalledFunction("f", "{}"))
    messages = (
        Developer("be brief"),
        User((Text("look"), Image(ImageUrl("https://example.com/a.png", "low")))),
        Assistant(tool_calls=(call,)),
        ToolResult("42", "call_1"),
    )
    options = Options(
        temperature=0.0,
        stop=("END",),
        seed=7,
        tools=(Tool(FunctionSpec("f", parameters={"type": "object"})),),
        tool_choice=ToolChoice(Chosen("f")),
        parallel_tool_calls=False,
        response_format=SchemaFormat(JsonSchema("s", {"type": "object"}, strict=True)),
    )

    assert body(ChatRequest("m", messages, 9, options)) == {
        "model": "m",
        "max_tokens": 9,
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "tool_calls": [{"type": "function", "id": "call_1", "function": {"name": "f", "arguments": "{}"}}],
            },
            {"role": "tool", "content": "42", "tool_call_id": "call_1"},
        ],
        "temperature": 0.0,
        "stop": ["END"],
        "seed": 7,
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "s", "schema": {"type": "object"}, "strict": True},
        },
    }


def test_the_cap_has_the_name_that_the_uri_says():
    request = ChatRequest("m", (User("hi"),), 9)

    assert body(request, cap="max_completion_tokens", model="other") == {
        "model": "other",
        "max_completion_tokens": 9,
        "messages": [{"role": "user", "content": "hi"}],
    }


def test_a_server_of_one_model_is_asked_for_none():
    assert "model" not in body(ChatRequest("m", (User("hi"),), 9), model=None)


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_an_answer_that_its_server_gave_up_is_not_an_answer(reason):
    said = {"content": "hi"}

    with pytest.raises(ModelGarbled):
        decode(json.dumps({"choices": [{"message": said, "finish_reason": reason}]}).encode())
    with pytest.raises(ModelUnavailable):
        read(json.dumps({"choices": [{"delta": said, "finish_reason": reason}]}))


def test_a_whole_answer_is_no_piece_of_a_stream():
    with pytest.raises(ModelGarbled):
        read('{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}')


def test_a_stream_asks_for_its_usage():
    asked = body(ChatRequest("m", (User("hi"),), 9), stream=True)

    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}


def test_an_answer_without_usage_has_none():
    answer = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "eos"}]}'

    assert decode(answer).usage == Usage()
    assert decode(answer).finish_reason == "stop"


def test_details_of_usage_are_parts_of_it():
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }

    said = [{"delta": {"content": "hi"}}]

    assert read(json.dumps({"choices": said, "usage": usage})).usage == Usage(10, 5, 4, 3)


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"role": "assistant", "content": ""}, Delta()),
        ({"reasoning_content": "let me think"}, Delta(reasoning="let me think")),
        ({"content": None, "refusal": "no"}, Delta(refusal="no")),
        (
            {"tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"id": "b"}]},
            Delta(tool_calls=(ToolCallDelta(0, "a", "f", "{}"), ToolCallDelta(1, "b"))),
        ),
        (
            {"tool_calls": [{"index": 3, "id": "c", "function": {"arguments": '"x"'}}]},
            Delta(tool_calls=(ToolCallDelta(0, "c", arguments='"x"'),)),
        ),
    ],
)
def test_pieces(delta, expected):
    assert read(json.dumps({"choices": [{"delta": delta}]})) == expected


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b'{"choices": []}',
        b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": -1}}',
        b'{"choices": ' + b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_garbled(answer):
    with pytest.raises(ModelGarbled):
        decode(answer)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, ModelRejected),
        (401, ModelUnavailable),
        (403, ModelUnavailable),
        (402, ModelUnavailable),
        (404, ModelUnavailable),
        (405, ModelUnavailable),
        (408, ModelTimeout),
        (409, ModelUnavailable),
        (413, ModelRejected),
        (422, ModelRejected),
        (425, ModelUnavailable),
        (429, ModelThrottled),
        (451, ModelUnavailable),
        (498, ModelThrottled),
        (499, ModelTimeout),
        (500, ModelUnavailable),
        (502, ModelUnavailable),
        (503, ModelThrottled),
        (504, ModelTimeout),
        (524, ModelTimeout),
        (529, ModelThrottled),
        (302, ModelUnavailable),
        (204, ModelUnavailable),
    ],
)
def test_the_meaning_of_each_status(status, expected):
    fault = refused(status, b'{"error": {"message": "inside"}}', 5)

    assert type(fault) is expected
    assert fault.retry_after_seconds == 5
    assert ("inside" in fault.message) is (expected is ModelRejected)


def test_a_server_that_names_no_time_is_only_unavailable_and_one_that_loads_is_not_ready():
    assert type(refused(503, b"", None)) is ModelUnavailable
    assert type(refused(503, b'{"error": {"code": 503, "message": "Loading model"}}', None)) is ModelNotReady


@pytest.mark.parametrize(
    "said",
    [
        b'{"error": {"message": "Model Not Exist", "code": "invalid_request_error"}}',
        b'{"error": {"message": "x is not a valid model ID", "code": 400}}',
        b'{"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"}',
        b'{"error": {"message": "gone", "code": "model_not_found"}}',
    ],
)
def test_a_model_that_the_server_lacks_is_not_the_caller_s_fault(said):
    assert type(refused(400, said, None)) is ModelUnavailable


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (b'{"error": {"message": "no such\\nfield", "param": "x"}}', "no such field"),
        (b'{"error": "short"}', "short"),
        (b'{"detail": [{"loc": ["body"]}]}', '[{"loc":["body"]}]'),
        (b'{"message": "flat"}', "flat"),
        (b"plain\x1b[31m text", "plain [31m text"),
        (b"<html><h1>413</h1></html>", "The upstream calls the request invalid."),
        (b'{"object": "error", "message": {"detail": [{"loc": ["body", "seed"]}]}}', '[{"loc":["body","seed"]}]'),
        (b"", "The upstream calls the request invalid."),
        (b'{"error": {"message": "' + b"x" * 5_000 + b'"}}', "x" * 400),
    ],
)
def test_a_rejection_repeats_one_short_line(said, message):
    assert message_in(said) == message


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0.2", 1),
        ("-3", 0),
        ("999999999", 86_400),
        ("Wed, 21 Oct 2026 07:30:09 GMT", 9),
        ("Wed, 21 Oct 2020 07:30:09 GMT", 0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_when_to_come_back(value, seconds):
    assert retry_after_seconds(value, NOW) == seconds


def test_milliseconds_win_where_a_server_states_them():
    assert wait_in({"retry-after-ms": "1500", "retry-after": "9"}, NOW) == 2
    assert wait_in({"retry-after-ms": "soon", "retry-after": "9"}, NOW) == 9
    assert wait_in({}, NOW) is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "m", "type": "rate_limit_error"}, ModelThrottled),
        ({"message": "m", "code": "rate_limit_exceeded"}, ModelThrottled),
        ({"message": "m", "code": 429}, ModelThrottled),
        ({"message": "m", "code": 502}, ModelUnavailable),
        ({"message": "m", "type": "invalid_request_error"}, ModelRejected),
        ({"message": "m", "type": "timeout"}, ModelTimeout),
        ({"message": "m", "type": "overloaded_error"}, ModelThrottled),
        ({"message": "m", "code": "429"}, ModelThrottled),
        ({"message": "m", "code": 7}, ModelUnavailable),
        ({"message": "Model Not Exist", "type": "invalid_request_error"}, ModelUnavailable),
        ({"message": "m", "code": "content_filter", "type": None}, ModelRejected),
        ({"message": "m", "type": "server_error"}, ModelUnavailable),
        ("overloaded", ModelUnavailable),
    ],
)
def test_the_meaning_of_an_error_event(error, expected):
    assert type(fault_in_stream(error)) is expected
    with pytest.raises(expected):
        read(json.dumps({"error": error}))


@pytest.mark.parametrize(
    "uri",
    [
        "openai+ftp://host/v1",
        "openai+http:///v1",
        "openai+http://host:port/v1",
        "openai+http://user:secret@host/v1",
        "openai+http://host/v1?cap=none",
        "openai+http://host/v1?model=a#b",
        "openai+http://host/v1?speed=fast",
        "openai+http://host/v1?idle_ms=0",
    ],
)
def test_a_target_that_cannot_work_is_told_to_the_operator(uri):
    with pytest.raises(Misconfigured) as raised:
        open_openai(uri)

    assert "secret" not in raised.value.message


@pytest.mark.parametrize("key", ["sk-1\r\nx: y", "sk 1", "sk-é", "sk-1\n"])
def test_a_key_that_no_header_can_carry_is_told_without_showing_it(key):
    with pytest.raises(Misconfigured) as raised:
        connect("openai+http://host/v1", key)

    assert key not in "".join(traceback.format_exception(raised.value))


def test_a_key_is_in_no_repr():
    model = open_openai("openai+http://host/v1", "sk-secret")

    assert "secret" not in f"{model!r}{model._upstream!r}"
