"""Chat Completions as the client of a server speaks it: our values out, whatever the server says in."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.models.openai_faults import fault_in_stream
from chalicelib.domain.chat import (
    CalledFunction,
    ChatRequest,
    Completion,
    Delta,
    FinishReason,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from chalicelib.domain.errors import ModelGarbled, ModelUnavailable

_FINISH: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}  # what else a server may say (eos, end_turn …) is a stop
_BROKEN: Final = {"abort", "error"}  # how vLLM, SGLang and DJL end an answer that they gave up

Tokens = Annotated[int, Meta(ge=0)]


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(Struct):
    index: int | None = None
    id: str | None = None
    function: _Function = msgspec.field(default_factory=_Function)


class _Said(Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Struct):
    message: _Said | None = None
    delta: _Said | None = None
    finish_reason: str | None = None


class _Details(Struct):
    cached_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None


class _Usage(Struct):
    prompt_tokens: Tokens = 0
    completion_tokens: Tokens = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Answer(Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


def encode(request: ChatRequest, *, model: str | None, cap: str, stream: bool) -> bytes:
    """The request's body. Our values have OpenAI's names already; the cap is always sent.

    `model` replaces the request's name where it has one; None sends none, for servers of a single model.
    """
    body: dict[str, Any] = {
        **({} if model is None else {"model": model or request.model}),
        "messages": request.messages,
        cap: request.max_output_tokens,
        **msgspec.to_builtins(request.options),
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return msgspec.json.encode(body)


def decode(body: bytes) -> Completion:
    """The whole answer. One whose usage the server does not state has none."""
    answer = _decoded(body)
    choice = answer.choices[0] if answer.choices else _Choice()
    if choice.message is None:
        raise ModelGarbled("The upstream's answer has no message.")
    calls = tuple(
        ToolCall(id=call.id or "", function=CalledFunction(call.function.name or "", call.function.arguments or "{}"))
        for call in choice.message.tool_calls or ()
    )
    return Completion(
        text=choice.message.content,
        tool_calls=calls,
        finish_reason=_finish(choice.finish_reason or "stop"),
        usage=_usage(answer.usage) or Usage(),
        refusal=choice.message.refusal,
    )


def decode_delta(event: str) -> Delta:
    """One piece of a stream; reasoning is not part of an answer and leaves an empty piece."""
    answer = _decoded(event.encode())
    choice = answer.choices[0] if answer.choices else _Choice()
    if choice.delta is None and choice.message is not None:
        raise ModelGarbled("The upstream answered in one piece where a stream was asked for.")
    said = choice.delta or _Said()
    return Delta(
        text=said.content or "",
        tool_calls=tuple(_call_delta(place, call) for place, call in enumerate(said.tool_calls or ())),
        refusal=said.refusal or "",
        finish_reason=_finish(choice.finish_reason) if choice.finish_reason else None,
        usage=_usage(answer.usage),
    )


def _decoded(body: bytes) -> _Answer:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise ModelGarbled("The upstream sent something that is not an answer.") from fault
    if answer.error is not None:
        raise fault_in_stream(answer.error)
    return answer


def _finish(reason: str) -> FinishReason:
    if reason in _BROKEN:
        raise ModelUnavailable("The upstream broke off with an error.")
    return _FINISH.get(reason, "stop")


def _call_delta(place: int, call: _Call) -> ToolCallDelta:
    index = place if call.index is None else call.index
    return ToolCallDelta(index, call.id, call.function.name, call.function.arguments or "")


def _usage(stated: _Usage | None) -> Usage | None:
    if stated is None:
        return None
    read, thought = stated.prompt_tokens_details, stated.completion_tokens_details
    return Usage(
        input_tokens=stated.prompt_tokens,
        output_tokens=stated.completion_tokens,
        cached_input_tokens=(read.cached_tokens or 0) if read else 0,
        reasoning_tokens=(thought.reasoning_tokens or 0) if thought else 0,
    )
