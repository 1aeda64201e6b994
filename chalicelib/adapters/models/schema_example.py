"""A small value that fits a JSON Schema, always the same one for the same schema."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

_DEEPEST: Final = 8
_VALUES: Final = 500  # in all, so that a schema which refers to itself many times ends
_MOST_ITEMS: Final = 20
_ONLY: Final = {"boolean": True, "null": None}
_FORMATS: Final = {
    "date": "2026-01-31",
    "time": "12:00:00Z",
    "date-time": "2026-01-31T12:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def example(schema: Any, text: str) -> Any:
    """The required fields alone, the first of each choice, 1 for a number, and `text` for a string.

    `pattern`, `not` and what relates one field to another are not heeded. `ValueError` where the schema is none.
    """
    try:
        return _Example(schema, text).value(schema, 0)
    except (ArithmeticError, AttributeError, LookupError, TypeError) as fault:
        raise ValueError(f"unreadable JSON Schema: {fault}") from fault


class _Example:
    def __init__(self, root: Any, text: str) -> None:
        self._root = root
        self._text = text
        self._left = _VALUES
        self._of_kind: dict[str, Callable[[dict[str, Any], int], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": self._string,
            "number": self._number,
            "integer": self._integer,
        }

    def value(self, schema: Any, depth: int) -> Any:
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        kind = _kind(schema)
        if kind in _ONLY:
            return _ONLY[kind]
        return self._of_kind[kind if kind in self._of_kind else "string"](schema, depth)

    def _resolved(self, schema: Any, depth: int) -> dict[str, Any]:
        for _ in range(_DEEPEST):
            self._left -= 1
            if not isinstance(schema, dict) or depth > _DEEPEST or self._left < 0:
                break
            choices = schema.get("anyOf") or schema.get("oneOf")
            if "$ref" in schema:
                schema = self._referred(schema["$ref"])
            elif choices:
                schema = choices[0]
            else:
                return self._united(schema, depth) if "allOf" in schema else schema
        return {}

    def _united(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        united = {key: value for key, value in schema.items() if key != "allOf"}
        for part in (self._resolved(each, depth + 1) for each in schema["allOf"]):
            properties = united.get("properties", {}) | part.get("properties", {})
            required = [*united.get("required", ()), *part.get("required", ())]
            united |= part | ({"properties": properties, "required": required} if properties else {})
        return united

    def _referred(self, reference: Any) -> Any:
        found = self._root
        for name in str(reference).removeprefix("#").split("/")[1:]:
            found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        return found

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties", {})
        return {name: self.value(properties.get(name), depth + 1) for name in schema.get("required", ())}

    def _array(self, schema: dict[str, Any], depth: int) -> list[Any]:
        first = schema.get("prefixItems", [])
        count = min(max(schema.get("minItems", 1), len(first)), schema.get("maxItems", _MOST_ITEMS), _MOST_ITEMS)
        items = [*first, *([schema.get("items")] * (count - len(first)))][:count]
        return [self.value(item, depth + 1) for item in items]

    def _string(self, schema: dict[str, Any], _depth: int) -> str:
        text = _FORMATS.get(str(schema.get("format")), self._text)
        return text[: schema.get("maxLength")].ljust(min(schema.get("minLength", 0), len(self._text) + _VALUES), ".")

    def _integer(self, schema: dict[str, Any], depth: int) -> int:
        return math.ceil(self._number(schema, depth))

    def _number(self, schema: dict[str, Any], _depth: int) -> float:
        number: float = max(1, schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
        number = min(number, schema.get("maximum", number), schema.get("exclusiveMaximum", number + 1) - 1)
        step: float | None = schema.get("multipleOf")
        return math.ceil(number / step) * step if step else number


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = kind[0] if kind else None
    if kind is not None:
        return str(kind)
    if "properties" in schema or "required" in schema:
        return "object"
    return "array" if "items" in schema else "string"
