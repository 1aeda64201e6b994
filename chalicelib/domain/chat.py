"""The language of chat: messages, tools, requests, completions, deltas.

The field names are those of OpenAI's Chat Completions, because that is the API that is spoken; one definition
validates what comes in, is what adapters translate from, and is what is stored. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ImageAddress = Annotated[str, Meta(pattern=r"^(?i:https://[^/?#\s]|data:image/)")]
"""Where an image may be: what fetches it is some target's, which reads no file and no other scheme for a caller."""

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}(?![\s\S])")]
"""What a caller names a function or a schema. What a model calls is no such name: it may be anything."""


class Wire(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A closed value: what it does not name, it refuses."""


class Text(Wire, frozen=True, tag="text", tag_field="type"):
    """A part of a message that is text."""

    text: str


class ImageUrl(Wire, frozen=True):
    """Where an image is: an https URL, or the image itself as a `data:` URL."""

    url: ImageAddress
    detail: Literal["auto", "low", "high"] = "auto"


class Image(Wire, frozen=True, tag="image_url", tag_field="type"):
    """A part of a user's message that is an image."""

    image_url: ImageUrl


class CalledFunction(Wire, frozen=True):
    """The function that a model wants called, with its arguments as JSON text."""

    name: str
    arguments: str


class ToolCall(Wire, frozen=True, tag="function", tag_field="type"):
    """One call that the assistant asked for."""

    id: str
    function: CalledFunction


class System(Wire, frozen=True, tag="system", tag_field="role"):
    """Instructions from the application."""

    content: str | tuple[Text, ...]
    name: str | None = None


class Developer(Wire, frozen=True, tag="developer", tag_field="role"):
    """Instructions from the application, by their newer name."""

    content: str | tuple[Text, ...]
    name: str | None = None


class User(Wire, frozen=True, tag="user", tag_field="role"):
    """What the user said or showed."""

    content: str | Annotated[tuple[Text | Image, ...], Meta(min_length=1)]
    name: str | None = None


class Assistant(Wire, frozen=True, tag="assistant", tag_field="role"):
    """What a model answered. The last four fields are accepted because SDKs send back what they received."""

    content: str | tuple[Text, ...] | None = None
    name: str | None = None
    refusal: str | None = None
    tool_calls: tuple[ToolCall, ...] | None = None
    annotations: tuple[Any, ...] | None = None
    audio: None = None
    function_call: None = None
    reasoning_content: str | None = None


class ToolResult(Wire, frozen=True, tag="tool", tag_field="role"):
    """What a called function returned."""

    content: str | tuple[Text, ...]
    tool_call_id: str


Message = System | Developer | User | Assistant | ToolResult


class FunctionSpec(Wire, frozen=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Wire, frozen=True, tag="function", tag_field="type"):
    """A tool on offer."""

    function: FunctionSpec


class ChosenFunction(Wire, frozen=True):
    """The name of the one function that must be called."""

    name: Name


class ToolChoice(Wire, frozen=True, tag="function", tag_field="type"):
    """The one tool that must be called."""

    function: ChosenFunction


class TextFormat(Wire, frozen=True, tag="text", tag_field="type"):
    """Answer in plain text."""


class JsonFormat(Wire, frozen=True, tag="json_object", tag_field="type"):
    """Answer with some JSON object."""


class JsonSchema(Wire, frozen=True):
    """The schema that an answer must fit."""

    name: Name
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class SchemaFormat(Wire, frozen=True, tag="json_schema", tag_field="type"):
    """Answer with JSON that fits a schema."""

    json_schema: JsonSchema


ResponseFormat = TextFormat | JsonFormat | SchemaFormat


class Options(Wire, frozen=True):
    """How the model is to answer; each default means "the model's own"."""

    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    response_format: ResponseFormat | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    user: str | None = None


class ChatRequest(Wire, frozen=True):
    """What a model is asked. `max_output_tokens` is always sent to it: the reservation counts on that cap."""

    model: str
    messages: tuple[Message, ...]
    max_output_tokens: int
    options: Options = Options()


class Usage(Wire, frozen=True):
    """Tokens as the target counted them. The details are parts of their totals.

    Of the input, some may have been read from the provider's prompt cache, and others written to it.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_input_tokens: int = 0


class Completion(Wire, frozen=True):
    """A whole answer. `reasoning` is what the target shows of the way to it, None where it thought nothing aloud."""

    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    refusal: str | None = None
    reasoning: str | None = None


class ToolCallDelta(Wire, frozen=True):
    """A piece of a tool call: the first piece of an index carries `id` and `name`."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class Delta(Wire, frozen=True):
    """A piece of an answer. `finish_reason` and `usage` come once, at the end, together or apart."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    refusal: str = ""
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    reasoning: str = ""


Content = str | tuple[Text | Image, ...] | tuple[Text, ...] | None
"""What a message says, whoever says it."""


def text_of(content: Content) -> str:
    """All text in `content`, images left out."""
    if content is None or isinstance(content, str):
        return content or ""
    return "".join(part.text for part in content if isinstance(part, Text))
