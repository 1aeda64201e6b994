"""What the router may rely on, of every chat model."""

import json

import pytest

from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    FunctionSpec,
    Image,
    ImageUrl,
    System,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    User,
)
from chalicelib.domain.errors import ModelThrottled, ModelUnavailable
from chalicelib.domain.estimate import input_bound
from tests.upstreams.targets import FAULTS, KEY, ask, opened, put_together

WEATHER = Tool(
    FunctionSpec(
        "get_weather",
        description="The weather in a city.",
        parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    )
)
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="


@pytest.fixture(params=["simulated", "openai", "bedrock", "ministack", "sagemaker"])
def target(request, monkeypatch):
    with opened(request.param, monkeypatch) as target:
        yield target


def test_answers_what_was_asked(target):
    completion = target.model.complete(ask(System("Be brief."), User("Where is Łódź? 😀")))

    assert "Where is Łódź? 😀" in completion.text
    assert completion.finish_reason == "stop"
    assert completion.tool_calls == ()


def test_a_stream_says_the_same_as_a_whole_answer(target):
    request = ask(User("one"), Assistant("two"), User("three four five"), temperature=0.2, seed=1)

    streamed = put_together(target.model.stream(request))
    whole = target.model.complete(request)

    assert streamed.completion() == whole


def test_a_stream_has_several_pieces_and_none_that_is_empty(target):
    deltas = list(target.model.stream(ask(User("a few words to say again"))))

    assert sum(bool(delta.text) for delta in deltas) > 2
    assert all(delta.text or delta.finish_reason or delta.usage for delta in deltas)


def test_usage_is_counted_and_within_what_was_reserved(target):
    request = ask(User("count this"), cap=50)

    usage = target.model.complete(request).usage

    assert 0 < usage.input_tokens <= input_bound(request)
    assert 0 < usage.output_tokens <= 50


def test_the_cap_ends_an_answer(target):
    request = ask(User("this is rather more than three tokens of text to repeat"), cap=3)

    completion = target.model.complete(request)

    assert completion.usage.output_tokens <= 3
    assert len(completion.text.split()) <= 4
    assert completion.finish_reason == "length" or not target.states_length


@pytest.mark.parametrize("streamed", [False, True])
def test_a_required_tool_is_called_with_arguments_in_json(target, streamed):
    request = ask(User("What about Łódź?"), tools=(WEATHER,), tool_choice="required")

    completion = put_together(target.model.stream(request)).completion() if streamed else target.model.complete(request)

    (call,) = completion.tool_calls
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["city"], str)
    assert call.id
    assert completion.finish_reason == "tool_calls"


def test_a_tool_s_result_is_read(target):
    called = ToolCall("call_1", CalledFunction("get_weather", '{"city": "Rome"}'))
    history = (User("And in Rome?"), Assistant(tool_calls=(called,)), ToolResult("sunny and 31 degrees", "call_1"))

    completion = target.model.complete(ask(*history, tools=(WEATHER,)))

    assert "sunny and 31 degrees" in completion.text


def test_an_image_is_accepted(target):
    shown = User((Image(ImageUrl(PIXEL)), Text("what is it?")))

    assert target.model.complete(ask(shown)).text


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("streamed", [False, True])
def test_each_fault_has_its_name_and_is_met_once(target, fault, streamed):
    target.fail(fault)
    calls = target.calls

    def first():
        request = ask(User("hello"))
        return next(target.model.stream(request)) if streamed else target.model.complete(request)

    with pytest.raises(fault) as raised:
        first()

    assert type(raised.value) is fault
    assert KEY not in f"{raised.value!r} {raised.value.message}"
    assert target.calls <= calls + 1  # no retry


@pytest.mark.parametrize("target", ["openai", "bedrock", "ministack", "sagemaker"], indirect=True)
def test_a_model_that_failed_answers_the_next_call(target):
    target.fail(ModelThrottled)
    with pytest.raises(ModelThrottled):
        target.model.complete(ask(User("hello")))

    assert target.model.complete(ask(User("again"))).text


def test_a_fault_in_the_middle_comes_from_the_iterator_after_the_pieces(target):
    target.fail(ModelUnavailable, after=4)
    pieces = []

    with pytest.raises(ModelUnavailable):
        pieces.extend(target.model.stream(ask(User("some words to lose in the middle"))))

    assert "".join(piece.text for piece in pieces)
    assert all(piece.finish_reason is None for piece in pieces)


def test_closing_a_stream_ends_the_call(target):
    target.stall(after=4)
    stream = target.model.stream(ask(User("some words that nobody waits for")))
    next(stream)

    stream.close()

    assert next(stream, None) is None
    assert target.server is None or target.server.hung_up.acquire(timeout=10)


def test_nothing_is_asked_before_the_first_piece_is(target):
    stream = target.model.stream(ask(User("hello")))
    stream.close()

    assert target.calls == 0
    assert target.sleeps == []
