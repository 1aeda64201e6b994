"""JSON answers from models that know none of OpenAI's `response_format`: as Bedrock's own, by a tool, or in words."""

from __future__ import annotations

import re
from typing import Any, Final, Literal

import msgspec

from chalicelib.adapters.models.bedrock_traits import Json
from chalicelib.domain.chat import JsonFormat, JsonSchema, Options, SchemaFormat, ToolChoice

Form = Literal["text", "native", "words", "tool", "wrapped"]
"""What an answer is: text as it comes, or the arguments of the tool `TOOL`; `wrapped`, those of its `WRAPPER`."""

TOOL: Final = "json_answer"
WRAPPER: Final = "answer"

_WORDS: Final = "Answer with one JSON object and nothing else: no explanation, no code fence."
_ANY: Final[dict[str, Any]] = {  # a schema without a required field is answered with {}
    "type": "object",
    "properties": {WRAPPER: {"type": "object", "additionalProperties": True}},
    "required": [WRAPPER],
}
_TAKEN: Final = frozenset(  # by Bedrock's grammar; of others it refuses many
    {"$defs", "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "definitions"}
    | {"description", "enum", "format", "items", "properties", "required", "title", "type"}
)
_NAMED: Final = frozenset({"properties", "$defs", "definitions"})  # here the keys are the caller's, not JSON Schema's
_PLAIN: Final = frozenset({"enum", "const", "default"})
_OPENING: Final = re.compile(rf'\s*\{{\s*"{WRAPPER}"\s*:\s*')
_LONGEST_OPENING: Final = 64


def form_of(options: Options, able: Json) -> Form:
    """The form of the answer, by what the model is able to do and what the request leaves open."""
    wanted = options.response_format
    if not isinstance(wanted, (JsonFormat, SchemaFormat)):
        return "text"
    schema = wanted.json_schema.schema if isinstance(wanted, SchemaFormat) else None
    if able == "native" and schema and is_closed(schema):
        return "native"
    if options.tools and (options.tool_choice == "required" or isinstance(options.tool_choice, ToolChoice)):
        return "text"  # a call is what must come
    if able == "words" or (schema and schema.get("type") != "object"):
        return "words"
    return "tool" if schema else "wrapped"


def instruction(options: Options) -> str:
    """The words for a model that takes nothing else."""
    match options.response_format:
        case SchemaFormat(json_schema=JsonSchema(schema=dict() as schema)):
            return f"{_WORDS} It fits this JSON Schema: {msgspec.json.encode(schema).decode()}"
        case _:
            return _WORDS


def text_format(wanted: JsonSchema) -> dict[str, Any]:
    """Bedrock's own word for it."""
    described = {"description": wanted.description} if wanted.description else {}
    definition = {"schema": msgspec.json.encode(wanted.schema).decode(), "name": wanted.name, **described}
    return {"type": "json_schema", "structure": {"jsonSchema": definition}}


def tool_spec(options: Options) -> dict[str, Any]:
    """The tool whose arguments are the answer."""
    schema, told = _ANY, f"Answer by calling this, with the JSON object that was asked for as `{WRAPPER}`."
    match options.response_format:
        case SchemaFormat(json_schema=JsonSchema(schema=dict() as own, description=description)) if own:
            schema, told = own, f"Answer by calling this. {description or ''}".strip()
        case _:
            pass
    return {"toolSpec": {"name": TOOL, "description": told, "inputSchema": {"json": schema}}}


def is_closed(schema: Any) -> bool:
    """Whether Bedrock takes the schema as it is: every object closed, and no keyword that its grammar may refuse."""
    if isinstance(schema, list):
        return all(is_closed(each) for each in schema)
    if not isinstance(schema, dict):
        return True
    kind = schema.get("type")
    is_object = "properties" in schema or kind == "object" or (isinstance(kind, list) and "object" in kind)
    if is_object and schema.get("additionalProperties") is not False:
        return False
    return all(_is_closed(name, value) for name, value in schema.items())


def _is_closed(name: str, value: Any) -> bool:
    if name in _NAMED and isinstance(value, dict):
        return is_closed(list(value.values()))
    return name in _TAKEN and (name in _PLAIN or is_closed(value))


class Unwrapping:
    """Takes the wrapper off an object that comes in pieces; what has no wrapper stays as it is."""

    def __init__(self) -> None:
        """Start before the first piece."""
        self._opening = ""
        self._closing = ""
        self._wrapped: bool | None = None

    def feed(self, piece: str) -> str:
        """What is certain to be inside; the last brace may be the wrapper's, and waits for what follows."""
        if self._wrapped is None:
            piece = self._opened(piece)
        if not self._wrapped:
            return piece
        text = self._closing + piece
        body = text.rstrip()
        end = len(body) - 1 if body.endswith("}") else len(text)
        self._closing = text[end:]
        return text[:end]

    def rest(self) -> str:
        """What is still to be said at the end: an object too short for a wrapper."""
        return "" if self._wrapped else self._opening

    def _opened(self, piece: str) -> str:
        self._opening += piece
        found = _OPENING.match(self._opening)
        if found is None and len(self._opening) < _LONGEST_OPENING:
            return ""
        self._wrapped, opening = found is not None, self._opening
        self._opening = ""
        return opening[found.end() :] if found else opening
