"""The body of a request for a response: closed types, which refuse by name what they do not know."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from chalicelib.domain.chat import JsonFormat, Name, TextFormat, Wire
from chalicelib.domain.conversation import InputText, ItemPart, ItemStatus, Origin
from chalicelib.domain.turn import CacheControl
from chalicelib.edge.conversation_wire import Labels

MOST_ITEMS: Final = 2048
Includable = Literal[
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
]
"""Nothing is added for these: of the calls there are none, images are always told, reasoning is not encrypted."""

_ITEM: Final = {
    "anyOf": [
        {"$ref": f"#/components/schemas/{name}"}
        for name in ("MessageInput", "CallInput", "ResultInput", "ThoughtInput", "BareInput")
    ]
}
RawInput = Annotated[dict[str, Any], Meta(extra_json_schema=_ITEM)]

Id = Annotated[str, Meta(min_length=1, max_length=64)]


class MessageInput(Wire, frozen=True, tag="message", tag_field="type"):
    """Something said. What is not kept is accepted because SDKs send back what they received."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[ItemPart, ...]
    id: str | None = None
    status: ItemStatus | None = None
    phase: str | None = None
    tidegate: Origin | None = None


class BareInput(Wire, frozen=True):
    """A message that leaves its `type` out."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[ItemPart, ...]
    id: str | None = None
    status: ItemStatus | None = None
    phase: str | None = None
    tidegate: Origin | None = None


class CallInput(Wire, frozen=True, tag="function_call", tag_field="type"):
    """A call that a model asked for; SDKs that parsed the arguments send that back too."""

    call_id: str
    name: str
    arguments: str
    id: str | None = None
    status: ItemStatus | None = None
    parsed_arguments: Any = None


class ResultInput(Wire, frozen=True, tag="function_call_output", tag_field="type"):
    """What a called function returned."""

    call_id: str
    output: str | tuple[InputText, ...]
    id: str | None = None
    status: ItemStatus | None = None


class ThoughtPart(Wire, frozen=True):
    """A piece of reasoning or of its summary."""

    text: str
    type: Literal["reasoning_text", "summary_text"]


class ThoughtInput(Wire, frozen=True, tag="reasoning", tag_field="type"):
    """Reasoning that came with an earlier answer: told again with the input, and not sent to a model."""

    id: str | None = None
    summary: tuple[ThoughtPart, ...] = ()
    content: tuple[ThoughtPart, ...] | None = None
    encrypted_content: str | None = None
    status: ItemStatus | None = None


InputItem = MessageInput | CallInput | ResultInput | ThoughtInput


class Inputs(Wire, frozen=True):
    """Items in their closed types."""

    input: tuple[InputItem, ...]


class FunctionTool(Wire, frozen=True, tag="function", tag_field="type"):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionChoice(Wire, frozen=True, tag="function", tag_field="type"):
    """The one function that must be called."""

    name: Name


class NamedFormat(Wire, frozen=True, tag="json_schema", tag_field="type"):
    """Answer with JSON that fits a schema."""

    name: Name
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class TextConfig(Wire, frozen=True):
    """The form of the answer. Medium is the only verbosity: no target has a knob for it."""

    format: TextFormat | JsonFormat | NamedFormat | None = None
    verbosity: Literal["medium"] | None = None


class Reasoning(Wire, frozen=True):
    """How much a model thinks. What it shows of that is told whole, never in summary."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None


class ConversationRef(Wire, frozen=True):
    """A conversation by its id."""

    id: Id


class StreamWishes(Wire, frozen=True):
    """Obfuscation is accepted and not needed: the padding hides nothing here."""

    include_obfuscation: bool | None = None


class ResponseBody(Wire, frozen=True):
    """The body of `POST /v1/responses`. A field that is not here is refused by name."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    input: str | Annotated[tuple[RawInput, ...], Meta(min_length=1, max_length=MOST_ITEMS)]
    instructions: str | None = None
    previous_response_id: Id | None = None
    conversation: Id | ConversationRef | None = None
    stream: bool | None = None
    stream_options: StreamWishes | None = None
    store: bool | None = None
    background: bool | None = None
    max_output_tokens: Annotated[int, Meta(ge=1)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    tools: Annotated[tuple[FunctionTool, ...], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | FunctionChoice | None = None
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Labels | None = None
    user: str | None = None
    include: tuple[Includable, ...] | None = None
    max_tool_calls: Annotated[int, Meta(ge=1)] | None = None
    top_logprobs: Literal[0] | None = None
    service_tier: Literal["auto", "default"] | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    cache: CacheControl | None = None

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come as events."""
        return self.stream is True


class CancelBody(Wire, frozen=True):
    """The body of a call to cancel: there is nothing to say."""
