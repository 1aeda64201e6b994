"""The body of a chat completion request, decoded into closed types."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chalicelib.domain.chat import Assistant, ChatRequest, Message, Options, ResponseFormat, Tool, ToolChoice, Wire
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.turn import Ask, CacheControl
from chalicelib.edge.call import Call
from chalicelib.edge.prefer import prefer_of

Cap = Annotated[int, Meta(ge=1)] | None
Penalty = Annotated[float, Meta(ge=-2, le=2)] | None
Stop = Annotated[str, Meta(min_length=1, max_length=1000)]


class StreamOptions(Wire, frozen=True):
    """What a stream adds. Obfuscation is accepted and not needed: the padding hides nothing here."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatBody(Wire, frozen=True):
    """The body of `POST /v1/chat/completions`. A field that is not here is refused by name."""

    model: Annotated[str, Meta(min_length=1, max_length=256)]
    messages: Annotated[tuple[Message, ...], Meta(min_length=1, max_length=2048)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Cap = None
    max_completion_tokens: Cap = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=1)] | None = None
    stop: Stop | Annotated[tuple[Stop, ...], Meta(max_length=4)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    presence_penalty: Penalty = None
    frequency_penalty: Penalty = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: Literal[False] | None = None
    response_format: ResponseFormat | None = None
    tools: Annotated[tuple[Tool, ...], Meta(max_length=128)] | None = None
    tool_choice: Literal["none", "auto", "required"] | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    modalities: tuple[Literal["text"], ...] | None = None
    store: Literal[False] | None = None
    metadata: dict[str, str] | None = None
    service_tier: Literal["auto", "default"] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    conversation: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    cache: CacheControl | None = None

    @property
    def streamed(self) -> bool:
        """Whether the answer is to come as events."""
        return self.stream is True

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage is True


def read(call: Call) -> tuple[ChatBody, Ask]:
    """The body, and what it asks of the pipeline."""
    body = call.body(ChatBody)
    return body, ask_of(call, body)


def ask_of(call: Call, body: ChatBody) -> Ask:
    """What the pipeline is asked."""
    return Ask(
        call.credential,
        request_of(body),
        call.turn_id,
        call.now,
        conversation=body.conversation,
        cache=body.cache or cache_control(call.header("cache-control")),
        request_id=call.request_id,
        prefer=prefer_of(call.header("prefer")),
        left=call.left,
        until=call.until,
    )


def request_of(body: ChatBody) -> ChatRequest:
    """What the model is asked; `BadRequest` where fields contradict each other."""
    if body.stream_options is not None and not body.streamed:
        raise BadRequest("'stream_options' is only allowed with 'stream': true.", param="stream_options")
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise BadRequest("Set 'max_completion_tokens' or 'max_tokens', not both.", param="max_tokens")
    _check_tools(body)
    return ChatRequest(
        model=body.model,
        messages=tuple(_answer_of(message) for message in body.messages),
        max_output_tokens=body.max_completion_tokens or body.max_tokens or 0,
        options=_options(body),
    )


def cache_control(header: str) -> CacheControl | None:
    """What the header says that the body may say too; None where it says nothing of it."""
    said = {word.strip().casefold() for word in header.split(",")}
    no_cache, no_store = bool(said & {"no-cache", "max-age=0"}), "no-store" in said
    return CacheControl(no_cache=no_cache, no_store=no_store) if no_cache or no_store else None


def _answer_of(message: Message) -> Message:
    """Without the reasoning that came with it: it was no part of the answer."""
    if isinstance(message, Assistant) and message.reasoning_content is not None:
        return msgspec.structs.replace(message, reasoning_content=None)
    return message


def _check_tools(body: ChatBody) -> None:
    """`BadRequest` where a name stands for two tools, or for none."""
    if body.tool_choice is not None and not body.tools:
        raise BadRequest("'tool_choice' is only allowed with 'tools'.", param="tool_choice")
    names: set[str] = set()
    for place, tool in enumerate(body.tools or ()):
        if tool.function.name in names:
            raise BadRequest(f"Two tools have the name '{tool.function.name}'.", param=f"tools[{place}].function.name")
        names.add(tool.function.name)
    if isinstance(body.tool_choice, ToolChoice) and (chosen := body.tool_choice.function.name) not in names:
        raise BadRequest(f"No tool on offer has the name '{chosen}'.", param="tool_choice.function.name")


def _options(body: ChatBody) -> Options:
    return Options(
        temperature=body.temperature,
        top_p=body.top_p,
        stop=(body.stop,) if isinstance(body.stop, str) else body.stop or (),
        seed=body.seed,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        logit_bias=body.logit_bias,
        response_format=body.response_format,
        tools=body.tools or (),
        tool_choice=body.tool_choice,
        parallel_tool_calls=body.parallel_tool_calls,
        reasoning_effort=body.reasoning_effort,
        user=body.user,
    )
