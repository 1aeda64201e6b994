"""A response and its items as OpenAI writes them, with every field that SDKs read."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from chalicelib.domain.chat import JsonFormat, TextFormat
from chalicelib.domain.conversation import Metadata
from chalicelib.domain.responses import Failure, Reason, ResponseStatus


class TextOut(Struct, frozen=True, tag="output_text", tag_field="type"):
    """Text that a model wrote."""

    text: str
    annotations: tuple[Any, ...] = ()
    logprobs: tuple[Any, ...] = ()


class RefusalOut(Struct, frozen=True, tag="refusal", tag_field="type"):
    """The model's words for declining."""

    refusal: str


class TextIn(Struct, frozen=True, tag="input_text", tag_field="type"):
    """Text that was given to the model."""

    text: str


class ImageIn(Struct, frozen=True, tag="input_image", tag_field="type"):
    """An image that was given to the model."""

    image_url: str
    detail: Literal["auto", "low", "high"]
    file_id: None = None


class Thought(Struct, frozen=True, tag="reasoning_text", tag_field="type"):
    """What a model showed of the way to its answer."""

    text: str


PartBody = TextOut | RefusalOut | TextIn | ImageIn


class MessageBody(Struct, frozen=True, tag="message", tag_field="type"):
    """Something said."""

    id: str
    status: str
    role: str
    content: tuple[PartBody, ...]


class CallBody(Struct, frozen=True, tag="function_call", tag_field="type"):
    """A call that the model asked for."""

    id: str
    status: str
    call_id: str
    name: str
    arguments: str


class ResultBody(Struct, frozen=True, tag="function_call_output", tag_field="type"):
    """What a called function returned."""

    id: str
    status: str
    call_id: str
    output: str | tuple[TextIn, ...]


class ThoughtBody(Struct, frozen=True, tag="reasoning", tag_field="type"):
    """The reasoning of an answer; nobody summed it up."""

    id: str
    status: str
    content: tuple[Thought, ...]
    summary: tuple[Any, ...] = ()
    encrypted_content: None = None


ItemBody = MessageBody | CallBody | ResultBody | ThoughtBody


class FunctionBody(Struct, frozen=True, tag="function", tag_field="type"):
    """A function on offer."""

    name: str
    description: str | None
    parameters: dict[str, Any] | None
    strict: bool | None


class ChoiceBody(Struct, frozen=True, tag="function", tag_field="type"):
    """The one function that must be called."""

    name: str


class SchemaBody(Struct, frozen=True, tag="json_schema", tag_field="type"):
    """A schema that the answer fits."""

    name: str
    schema: dict[str, Any]
    description: str | None
    strict: bool | None


class TextBody(Struct, frozen=True):
    """The form of the answer."""

    format: TextFormat | JsonFormat | SchemaBody
    verbosity: Literal["medium"] = "medium"


class ReasoningBody(Struct, frozen=True):
    """How much the model was to think."""

    effort: str | None
    summary: None = None


class InputDetails(Struct, frozen=True):
    """Of the input, what the provider had cached, and what it put there."""

    cached_tokens: int
    cache_write_tokens: int


class ReasoningDetails(Struct, frozen=True):
    """Of the output, what was reasoning."""

    reasoning_tokens: int


class ResponseUsage(Struct, frozen=True):
    """Usage by this API's names."""

    input_tokens: int
    input_tokens_details: InputDetails
    output_tokens: int
    output_tokens_details: ReasoningDetails
    total_tokens: int


class Details(Struct, frozen=True):
    """Why a response is incomplete, null where nobody knows."""

    reason: Reason | None


class ConversationName(Struct, frozen=True):
    """The conversation that a response belongs to."""

    id: str


class ResponseOut(Struct, frozen=True, kw_only=True):
    """A response. What was not asked for is told as its default."""

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: ResponseStatus
    background: bool
    completed_at: int | None
    conversation: ConversationName | None
    error: Failure | None
    incomplete_details: Details | None
    instructions: str | None
    max_output_tokens: int | None
    max_tool_calls: None = None
    metadata: Metadata
    model: str
    output: tuple[ItemBody, ...]
    parallel_tool_calls: bool
    previous_response_id: str | None
    prompt_cache_key: str | None
    reasoning: ReasoningBody
    safety_identifier: str | None
    service_tier: Literal["default"] = "default"
    store: bool
    temperature: float | None
    text: TextBody
    tool_choice: str | ChoiceBody
    tools: tuple[FunctionBody, ...]
    top_logprobs: int = 0
    top_p: float | None
    truncation: Literal["auto", "disabled"]
    usage: ResponseUsage | None
    user: str | None


class DeletedResponse(Struct, frozen=True, kw_only=True):
    """A response that is no more."""

    id: str
    object: Literal["response"] = "response"
    deleted: bool = True
