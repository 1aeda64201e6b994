"""What a simulated model says: made from the request alone, so that an answer proves what was received."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from chalicelib.adapters.models.schema_example import example
from chalicelib.adapters.models.simulated_script import Script
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    Developer,
    FinishReason,
    FunctionSpec,
    Image,
    JsonFormat,
    Message,
    Options,
    SchemaFormat,
    System,
    ToolCall,
    ToolChoice,
    ToolResult,
    Usage,
    User,
    text_of,
)
from chalicelib.domain.errors import ModelRejected

BYTES_PER_TOKEN: Final = 4
_MESSAGE_TOKENS: Final = 3
_REQUEST_TOKENS: Final = 3
_IMAGE_TOKENS: Final = 85
_QUOTED: Final = 300  # characters of a message that an answer repeats
_ARGUMENT: Final = 60  # and that a tool call's argument does
_OPENINGS: Final = ("You said", "I was told", "What reached me")
_FILLER: Final = " There is more to say about that."


class Answer(Struct, frozen=True):
    """The whole of what is said or called."""

    text: str
    calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    usage: Usage


def answer_to(request: ChatRequest, script: Script) -> Answer:
    """The one answer that this script has for this request, within its cap."""
    calls = _calls(request)
    text = "" if calls else _stopped(_said(request, script), request.options.stop)
    cap = request.max_output_tokens
    kept, kept_calls = cut(text, cap), tuple(_cut_call(call, cap, len(calls)) for call in calls)
    whole = kept == text and kept_calls == calls
    output = count(kept) + sum(count(call.function.arguments) for call in kept_calls)
    return Answer(
        text=kept,
        calls=kept_calls,
        finish_reason=("tool_calls" if calls else "stop") if whole else "length",
        usage=Usage(input_tokens=input_tokens(request), output_tokens=output),
    )


def count(text: str) -> int:
    """The tokens of `text`: one for each four bytes begun."""
    return -(-len(text.encode()) // BYTES_PER_TOKEN)


def cut(text: str, tokens: int) -> str:
    """The longest beginning of `text` that has at most `tokens` tokens."""
    return text.encode()[: tokens * BYTES_PER_TOKEN].decode(errors="ignore")


def input_tokens(request: ChatRequest) -> int:
    """What the request counts: never more than `domain.estimate.input_bound`."""
    extras = (
        *request.options.tools,
        *((request.options.response_format,) if _formatted(request.options) else ()),
    )
    tokens = _REQUEST_TOKENS + sum(count(msgspec.json.encode(extra).decode()) for extra in extras)
    return tokens + sum(_message_tokens(message) for message in request.messages)


def _message_tokens(message: Message) -> int:
    tokens = _MESSAGE_TOKENS + count(text_of(message.content)) + _IMAGE_TOKENS * _images(message)
    if isinstance(message, Assistant) and message.tool_calls:
        tokens += sum(count(msgspec.json.encode(call).decode()) for call in message.tool_calls)
    return tokens


def _images(message: Message) -> int:
    if not isinstance(message, User) or isinstance(message.content, str):
        return 0
    return sum(isinstance(part, Image) for part in message.content)


def _formatted(options: Options) -> bool:
    return isinstance(options.response_format, (JsonFormat, SchemaFormat))


def _said(request: ChatRequest, script: Script) -> str:
    text = script.text or _prose(request)
    match request.options.response_format:
        case SchemaFormat(json_schema=wanted):
            return _fitting(wanted.schema, text)
        case JsonFormat():
            return msgspec.json.encode({"answer": text}).decode()
        case _:
            return _lengthened(text, script.tokens)


def _lengthened(text: str, tokens: int) -> str:
    if not tokens:
        return text
    missing = tokens * BYTES_PER_TOKEN - len(text.encode())
    return cut(text + _FILLER * -(-max(missing, 0) // len(_FILLER)), tokens)


def _stopped(text: str, stops: tuple[str, ...]) -> str:
    ends = [place for stop in stops if stop and (place := text.find(stop)) >= 0]
    return text[: min(ends)] if ends else text


def _prose(request: ChatRequest) -> str:
    results = _trailing_results(request.messages)
    if results:
        return "The tool answered: " + "; ".join(_quote(text_of(result.content)) for result in results) + "."
    spoken = [message for message in request.messages if not isinstance(message, (System, Developer))]
    users = [message for message in spoken if isinstance(message, User)]
    newest = text_of(users[-1].content) if users else ""
    opening = _OPENINGS[(request.options.seed or 0) % len(_OPENINGS)]
    images = _images(users[-1]) if users else 0
    shown = f" You showed {images} image{'s' * (images > 1)}." if images else ""
    return f"{opening}: {_quote(newest)}.{shown} {_memory(spoken, users)}"


def _memory(spoken: Sequence[Message], users: list[User]) -> str:
    earlier = len(spoken) - 1
    if earlier < 1:
        return "It is the first message of our conversation."
    before = f"; before that you said: {_quote(text_of(users[-2].content))}" if len(users) > 1 else ""
    return f"I remember {earlier} earlier message{'s' * (earlier > 1)}{before}."


def _trailing_results(messages: tuple[Message, ...]) -> list[ToolResult]:
    results: list[ToolResult] = []
    for message in reversed(messages):
        if not isinstance(message, ToolResult):
            break
        results.insert(0, message)
    return results


def _quote(text: str) -> str:
    text = " ".join(text.split())
    return f"“{text[:_QUOTED]}…”" if len(text) > _QUOTED else f"“{text}”"


def _calls(request: ChatRequest) -> tuple[ToolCall, ...]:
    if not request.options.tools or isinstance(request.messages[-1], ToolResult):
        return ()
    newest = next((text_of(m.content) for m in reversed(request.messages) if isinstance(m, User)), "")
    digest = hashlib.blake2b(msgspec.json.encode(request), digest_size=8).hexdigest()
    return tuple(
        ToolCall(id=f"call_{digest}{place}", function=_called(function, newest))
        for place, function in enumerate(_chosen(request.options, newest))
    )


def _called(function: FunctionSpec, text: str) -> CalledFunction:
    arguments = _fitting(function.parameters, text[:_ARGUMENT])
    return CalledFunction(name=function.name, arguments=arguments)


def _fitting(schema: dict[str, Any] | None, text: str) -> str:
    try:
        return msgspec.json.encode(example(schema or {"type": "object"}, text)).decode()
    except ValueError as fault:
        raise ModelRejected(f"The simulated target rejects the request: {fault}.") from fault


def _chosen(options: Options, text: str) -> list[FunctionSpec]:
    offered = [tool.function for tool in options.tools]
    named = [function for function in offered if _names(text, function.name)]
    match options.tool_choice:
        case ToolChoice(function=wanted):
            return [function for function in offered if function.name == wanted.name]
        case "none":
            return []
        case "required":
            named = named or offered[:1]
        case _:
            pass
    return named[:1] if options.parallel_tool_calls is False else named


def _names(text: str, function: str) -> bool:
    spelled = re.escape(function.casefold()).replace("_", "[_ ]")
    return re.search(rf"\b{spelled}\b", text.casefold()) is not None


def _cut_call(call: ToolCall, cap: int, calls: int) -> ToolCall:
    arguments = cut(call.function.arguments, cap // calls)
    return ToolCall(id=call.id, function=CalledFunction(name=call.function.name, arguments=arguments))
