"""The most that a request can burn."""

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    Completion,
    Developer,
    FunctionSpec,
    Image,
    ImageUrl,
    JsonSchema,
    SchemaFormat,
    System,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
    User,
    text_of,
)
from chalicelib.domain.estimate import (
    IMAGE_TOKENS,
    counted,
    covered,
    input_bound,
    json_bound,
    likely_tokens,
    message_bound,
    text_bound,
    texts_bound,
)
from tests.builders import a_request

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
names = st.none() | st.text("abc_", min_size=1, max_size=8)
calls = st.builds(ToolCall, id=texts, function=st.builds(CalledFunction, name=texts, arguments=texts))
parts = st.lists(st.builds(Text, texts) | st.builds(Image, st.builds(ImageUrl, texts)), max_size=3).map(tuple)
messages = st.one_of(
    st.builds(System, texts, names),
    st.builds(Developer, texts, names),
    st.builds(User, texts | parts, names),
    st.builds(ToolResult, texts, texts),
    st.builds(
        Assistant,
        content=st.none() | texts,
        name=names,
        refusal=st.none() | texts,
        tool_calls=st.none() | st.lists(calls, max_size=2).map(tuple),
    ),
)


def words_of(message):
    """Every text in a message that a model may be sent."""
    named = [getattr(message, name, None) for name in ("name", "refusal", "tool_call_id")]
    calls = getattr(message, "tool_calls", None) or ()
    called = [text for call in calls for text in (call.id, call.function.name, call.function.arguments)]
    return [text for text in (text_of(message.content), *named, *called) if text]


@given(messages)
def test_a_message_is_bounded_by_the_bytes_of_every_text_in_it(message):
    assert message_bound(message) >= sum(len(text.encode()) for text in words_of(message))


@given(st.lists(messages, min_size=1, max_size=4))
def test_a_request_is_bounded_by_its_messages(said):
    assert input_bound(a_request(*said)) > sum(message_bound(message) for message in said)


@given(messages)
def test_what_is_likely_is_within_the_bound(message):
    assert 0 < likely_tokens(message) <= message_bound(message)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("The quick brown fox jumps over the lazy dog. " * 10, 101), ("潮は月の引力によって起こる。" * 10, 140)],
)
def test_what_is_likely_is_near_and_above_what_tokenisers_count(text, tokens):
    likely = likely_tokens(User(text))

    assert tokens <= likely <= 2.5 * tokens


@pytest.mark.parametrize("detail", ["low", "auto", "high"])
def test_an_image_counts_as_the_dearest_whatever_is_asked_of_it(detail):
    picture = Image(ImageUrl("data:image/png;base64," + "A" * 100_000, detail))

    assert message_bound(User((picture,))) < IMAGE_TOKENS + 100
    assert message_bound(User((picture, picture))) > 2 * IMAGE_TOKENS


@pytest.mark.parametrize(("text", "longest"), [("ﷺ", 33), ("𝅘𝅥𝅮", 12), ("क़", 6), ("潮", 3), ("abc", 3)])
def test_a_text_counts_in_the_longest_form_that_tokenisers_see(text, longest):
    assert text_bound(text * 10) == longest * 10


@pytest.mark.parametrize("value", ["<b>'&", '潮\n"\x01', "𝅘𝅥𝅮é", {"a": [1, 2, {"b": "<é>"}], "c": []}])
def test_json_counts_as_long_as_it_can_be_written(value):
    safe = json.dumps(value)
    for each in "<>&'":
        safe = safe.replace(each, f"\\u{ord(each):04x}")

    assert json_bound(value) >= len(safe)


def test_indented_json_counts_each_line():
    schema = {"enum": list(range(8)), "nested": {"deep": {"deeper": []}}}
    lines = re.sub(r"\n *", "\n" * 3, json.dumps(schema, indent=4))

    assert len(lines) <= json_bound(schema) <= 2 * len(lines)


def test_tools_that_were_used_count_though_none_is_on_offer():
    call = ToolCall(id="call_1", function=CalledFunction("weather", "{}"))
    said = User("Hi"), Assistant(tool_calls=(call,)), ToolResult("Rain", "call_1")

    assert input_bound(a_request(*said)) > 600 + sum(message_bound(each) for each in said)


def test_tools_and_schemas_count_whole():
    schema = {"type": "object", "properties": {"city": {"type": "string", "description": "Where" * 100}}}
    tool = Tool(function=FunctionSpec(name="f", parameters=schema))
    wanted = SchemaFormat(json_schema=JsonSchema(name="s", schema=schema))
    plain, size = input_bound(a_request()), len(msgspec.json.encode(schema))

    assert input_bound(a_request(tools=(tool,))) >= plain + size
    assert input_bound(a_request(tools=(tool, tool))) >= plain + 2 * size
    assert input_bound(a_request(response_format=wanted)) >= plain + size


@given(st.builds(Usage, *[st.integers(0, 10**15)] * 5))
def test_no_target_can_state_more_than_was_reserved(stated):
    request = a_request("Hi", max_output_tokens=30)

    usage = counted(request, Completion("Hello", usage=stated)).usage

    assert usage.input_tokens <= input_bound(request)
    assert usage.output_tokens <= 30
    assert usage.cached_input_tokens + usage.cache_write_input_tokens <= usage.input_tokens
    assert usage.reasoning_tokens <= usage.output_tokens


def test_a_usage_within_the_bound_is_taken_as_it_is():
    completion = Completion("Hello", usage=Usage(4, 2))

    assert counted(a_request("Hi", max_output_tokens=30), completion) == completion


def test_words_that_came_without_a_count_are_charged():
    completion = Completion("Hello", usage=Usage(input_tokens=4))

    assert counted(a_request("Hi", max_output_tokens=30), completion).usage == Usage(
        4, message_bound(Assistant("Hello"))
    )


def test_reasoning_without_a_count_may_have_taken_the_cap():
    thought = Completion("Hello", reasoning="[redacted]")
    request = a_request("Hi", max_output_tokens=3_000)

    assert counted(request, thought).usage.output_tokens == 3_000
    assert counted(request, msgspec.structs.replace(thought, usage=Usage(4, 70))).usage == Usage(4, 70)


def test_input_without_a_count_may_all_have_been_written_to_a_cache():
    request = a_request("Hi", max_output_tokens=30)

    usage = counted(request, Completion("Hello")).usage

    assert usage.cache_write_input_tokens == usage.input_tokens == input_bound(request)


def test_texts_to_embed_count_each():
    assert texts_bound(("abc", "ﷺ")) > texts_bound(("abc",)) + 33


@pytest.mark.parametrize(("stated", "charged"), [(0, 50), (7, 7), (50, 50), (51, 50)])
def test_what_a_target_states_counts_within_the_bound(stated, charged):
    assert covered(stated, 50) == charged
