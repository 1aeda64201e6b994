"""A small value that fits a schema."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.schema_example import example

BRANCH = {"$ref": "#/$defs/t"}
TREE = {"$defs": {"t": {"type": "object", "properties": {"l": BRANCH, "r": BRANCH}, "required": ["l", "r"]}}} | BRANCH
CIRCLE = {"$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}] * 9}}, "$ref": "#/$defs/a"}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, "text"),
        (True, "text"),
        ({"const": None}, None),
        ({"enum": ["b", "a"], "type": "string"}, "b"),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 4.2}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "number", "minimum": 3, "multipleOf": 2}, 4),
        ({"type": "boolean"}, True),
        ({"type": ["null", "string"]}, None),
        ({"type": "string", "maxLength": 2}, "te"),
        ({"type": "string", "minLength": 6}, "text.."),
        ({"type": "string", "format": "date"}, "2026-01-31"),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"type": "array", "items": {}, "maxItems": 0}, []),
        ({"prefixItems": [{"type": "integer"}, {"type": "boolean"}], "type": "array"}, [1, True]),
        ({"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "required": ["a"]}, {"a": 1}),
        ({"properties": {"a": {}}, "required": ["a"]}, {"a": "text"}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, 1),
        (
            {
                "allOf": [
                    {"properties": {"a": {}}, "required": ["a"]},
                    {"properties": {"b": {"const": 2}}, "required": ["b"]},
                ]
            },
            {"a": "text", "b": 2},
        ),
    ],
)
def test_values(schema, value):
    assert example(schema, "text") == value


@pytest.mark.parametrize("schema", [TREE, CIRCLE])
def test_a_schema_that_refers_to_itself_ends(schema):
    assert len(repr(example(schema, "x"))) < 20_000


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "enum", "items", "properties", "required", "allOf", "anyOf", "$ref", "minimum", "maxItems"]
            ),
            inner,
        )
    ),
)


@given(anything)
def test_whatever_is_called_a_schema_has_a_value_or_is_refused(schema):
    with suppress(ValueError):
        example(schema, "x")
