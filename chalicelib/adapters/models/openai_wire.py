"""Chat Completions as the client of a server speaks it: our values out, whatever the server says in."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.models.openai_faults import fault_in_stream
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    Completion,
    Developer,
    FinishReason,
    Message,
    System,
    ToolCall,
    Usage,
)
from chalicelib.domain.errors import ModelGarbled

_FINISH: Final[dict[str, FinishReason]] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",  # Gemini
    "sensitive": "content_filter",  # GLM
}  # what else a server may say (stop, eos, end_turn …) is a stop
_BROKEN: Final = {  # how servers end an answer that they gave up
    "abort",  # vLLM, SGLang and DJL
    "error",  # OpenRouter
    "insufficient_system_resource",  # DeepSeek
    "network_error",  # GLM
}

Tokens = Annotated[int, Meta(ge=0)]


class Function(Struct):
    """What a call calls."""

    name: str | None = None
    arguments: Any = None


class Call(Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Said(Struct):
    """What the model said, whole or in part."""

    content: str | list[Any] | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None


class _Details(Struct):
    cached_tokens: Tokens | None = None
    cache_write_tokens: Tokens | None = None
    reasoning_tokens: Tokens | None = None


class _Usage(Struct):
    prompt_tokens: Tokens | None = None
    completion_tokens: Tokens | None = None
    total_tokens: Tokens | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class Choice(Struct):
    """One answer of those that were asked for; we ask for one."""

    message: Said | None = None
    delta: Said | None = None
    finish_reason: str | None = None
    usage: _Usage | None = None
    error: Any = None


class _Groq(Struct):
    usage: _Usage | None = None
    error: Any = None


class Answer(Struct):
    """An answer, a piece of one, or an error in its place."""

    id: str | None = None
    object: str | None = None
    choices: list[Choice] | None = None
    usage: _Usage | None = None
    x_groq: _Groq | None = None
    error: Any = None


def encode(request: ChatRequest, *, model: str | None, cap: str, stream: bool, usage: bool = True) -> bytes:
    """The request's body. Our values have OpenAI's names already; the cap is always sent.

    `model` replaces the request's name where it has one; None sends none, for servers of a single model. `usage` asks
    a stream for it. A developer's message goes as a system's: every server knows that role, and OpenAI takes one for
    the other.
    """
    body: dict[str, Any] = {
        **({} if model is None else {"model": model or request.model}),
        "messages": [_sent(message) for message in request.messages],
        cap: request.max_output_tokens,
        **msgspec.to_builtins(request.options),
    }
    if stream:
        body |= {"stream": True, **({"stream_options": {"include_usage": True}} if usage else {})}
    return msgspec.json.encode(body)


def decode(body: bytes) -> Completion:
    """The whole answer. One whose usage the server does not state has none."""
    answer = decoded(body)
    choice = answer.choices[0] if answer.choices else Choice()
    said = choice.message
    if said is None:
        raise ModelGarbled("The upstream's answer has no message.")
    if choice.error is not None or broken(choice):  # tokens were burned for it
        raise ModelGarbled("The upstream gave its answer up.")
    calls = tuple(_whole_call(answer, place, call) for place, call in enumerate(said.tool_calls or ()))
    text = text_in(said.content)
    return Completion(
        text=(text or None) if calls else text,
        tool_calls=calls,
        finish_reason=finish(choice.finish_reason or "stop", called=bool(calls)),
        usage=usage(answer) or Usage(),
        refusal=said.refusal,
        reasoning=reasoning_in(said) or None,
    )


def _sent(message: Message) -> Message:
    match message:
        case Developer(content=content, name=name):
            return System(content, name)
        case Assistant():  # what SDKs send back to us, and strict servers refuse
            return msgspec.structs.replace(message, annotations=None, audio=None, function_call=None)
        case _:
            return message


_answer: Final = msgspec.json.Decoder(Answer)  # made once: two threads that decode a type first crash msgspec 0.22


def decoded(body: bytes) -> Answer:
    """What the server sent; its error where it is one."""
    try:
        answer = _answer.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise ModelGarbled("The upstream sent something that is not an answer.") from fault
    if answer.error is not None:
        raise fault_in_stream(answer.error)
    if answer.object == "error":  # Mistral, and vLLM until 2025
        raise fault_in_stream(msgspec.json.decode(body))
    if answer.x_groq is not None and answer.x_groq.error is not None:
        raise fault_in_stream(answer.x_groq.error)
    return answer


def broken(choice: Choice) -> bool:
    """Whether the server says that it gave the answer up."""
    return (choice.finish_reason or "").lower() in _BROKEN


def finish(reason: str, *, called: bool) -> FinishReason:
    """Why the answer ended, in our words; a server may say `stop` after a call."""
    known = _FINISH.get(reason.lower(), "stop")
    if known in {"stop", "tool_calls"}:
        return "tool_calls" if called else "stop"
    return known


def text_in(content: str | list[Any] | None) -> str | None:
    """The text of it, which Mistral's models that think say in parts."""
    if not isinstance(content, list):
        return content
    texts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "".join(text for text in texts if isinstance(text, str))


def reasoning_in(said: Said) -> str:
    """What is shown of the reasoning: beside the text under one of two names, or in parts of it."""
    beside = said.reasoning_content or said.reasoning
    if isinstance(beside, str):
        return beside
    parts = said.content if isinstance(said.content, list) else []
    thoughts = (part.get("thinking") for part in parts if isinstance(part, dict))
    return "".join(text_in(each) or "" for each in thoughts if isinstance(each, str | list))


def _whole_call(answer: Answer, place: int, call: Call) -> ToolCall:
    function = call.function or Function()
    called = CalledFunction(function.name or "", arguments(function.arguments) or "{}")
    return ToolCall(id=call.id or made_id(answer, place), function=called)


def made_id(answer: Answer, place: int) -> str:
    """An id for a call that came without: a result must say which call it answers."""
    return f"{answer.id or 'call'}-{place}"


def arguments(stated: Any) -> str:
    """A call's arguments as JSON text: some servers send them as an object."""
    if stated is None or isinstance(stated, str):
        return stated or ""
    return msgspec.json.encode(stated).decode()


def usage(answer: Answer) -> Usage | None:
    """What was counted, wherever the server says it: at the top, beside the choice (Kimi) or in `x_groq`."""
    choice, groq = (answer.choices or [Choice()])[0], answer.x_groq or _Groq()
    stated = answer.usage or choice.usage or groq.usage
    if stated is None:
        return None
    read, thought = stated.prompt_tokens_details or _Details(), stated.completion_tokens_details or _Details()
    prompt, output = stated.prompt_tokens or 0, stated.completion_tokens or 0
    cached = min(read.cached_tokens or 0, prompt)
    return Usage(
        input_tokens=prompt,
        output_tokens=max(output, (stated.total_tokens or 0) - prompt),  # xAI and Gemini count thoughts in the total
        cached_input_tokens=cached,
        reasoning_tokens=thought.reasoning_tokens or 0,
        cache_write_input_tokens=min(read.cache_write_tokens or 0, prompt - cached),
    )
