"""JSON is asked for in the surest way that the model and the request allow, and comes out as it is."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.bedrock_json import Unwrapping, form_of, is_closed
from chalicelib.domain.chat import (
    ChosenFunction,
    FunctionSpec,
    JsonFormat,
    JsonSchema,
    Options,
    SchemaFormat,
    TextFormat,
    Tool,
    ToolChoice,
)

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOSED = {**CITY, "additionalProperties": False}
TOOLS = (Tool(FunctionSpec("f")),)


def schema(value):
    return SchemaFormat(JsonSchema("s", value))


@pytest.mark.parametrize(
    ("able", "wanted", "form"),
    [
        ("native", None, "text"),
        ("native", TextFormat(), "text"),
        ("native", schema(CLOSED), "native"),
        ("native", schema(CITY), "tool"),  # Bedrock refuses an open object
        ("native", schema(None), "wrapped"),
        ("native", JsonFormat(), "wrapped"),
        ("native", schema({"type": "array"}), "native"),
        ("tool", schema(CLOSED), "tool"),
        ("tool", schema({"type": "array"}), "words"),  # a tool's arguments are an object
        ("tool", schema({}), "wrapped"),
        ("tool", JsonFormat(), "wrapped"),
        ("words", schema(CLOSED), "words"),
        ("words", JsonFormat(), "words"),
    ],
)
def test_the_form_of_an_answer(able, wanted, form):
    assert form_of(Options(response_format=wanted), able) == form


@pytest.mark.parametrize("choice", ["required", ToolChoice(ChosenFunction("f"))])
def test_a_call_that_must_come_leaves_no_room_for_json(choice):
    options = Options(response_format=JsonFormat(), tools=TOOLS, tool_choice=choice)

    assert form_of(options, "tool") == form_of(options, "words") == "text"


@pytest.mark.parametrize(
    ("value", "closed"),
    [
        (CLOSED, True),
        (CITY, False),
        ({"properties": {}}, False),
        ({"type": ["object", "null"]}, False),
        ({"type": "array", "items": CLOSED}, True),
        ({"type": "array", "items": CITY}, False),
        ({"anyOf": [CLOSED, {"type": "null"}]}, True),
        ({"anyOf": [CLOSED, CITY]}, False),
        ({**CLOSED, "$defs": {"minimum": CLOSED}}, True),  # a name, no keyword
        ({**CLOSED, "$defs": {"a": CITY}}, False),
        ({"type": "integer", "minimum": 1}, False),
        ({"type": "string", "enum": ["minimum"], "default": {"minimum": 1}}, True),
        ({**CLOSED, "properties": {"not": {"type": "string"}}}, True),
        ({**CLOSED, "properties": {"a": {"not": {}}}}, False),
    ],
)
def test_what_bedrock_s_grammar_takes(value, closed):
    assert is_closed(value) is closed


def fed(text, cuts):
    unwrapping = Unwrapping()
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    said = "".join(unwrapping.feed(text[start:end]) for start, end in pairwise(places))
    return said + unwrapping.rest()


values = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3))
objects = st.recursive(values, lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)
cuts = st.lists(st.integers(0, 500), max_size=20)


@given(st.dictionaries(st.text(max_size=5), objects, max_size=4), st.sampled_from([None, 2]), cuts)
def test_a_wrapper_comes_off_wherever_the_pieces_are_cut(answer, indent, cuts):
    text = json.dumps({"answer": answer}, indent=indent)

    assert json.loads(fed(text, cuts)) == answer


@pytest.mark.parametrize("text", ["{}", '{"result": {"a": 1}}', '{"long": "' + "x" * 200 + '"}', "[1]"])
@given(cuts=cuts)
def test_what_has_no_wrapper_stays_as_it_is(text, cuts):
    assert fed(text, cuts) == text
