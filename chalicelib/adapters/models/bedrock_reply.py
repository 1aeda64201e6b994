"""What Converse and ConverseStream answer, as ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from chalicelib.adapters.models.bedrock_json import TOOL, Form, Unwrapping
from chalicelib.domain.chat import Completion, Delta, FinishReason, ToolCallDelta, Usage
from chalicelib.domain.errors import ModelGarbled, ModelUnavailable
from chalicelib.domain.transcript import Transcript

HIDDEN: Final = "[redacted]"
"""What stands for reasoning that the model does not show."""

STOP_REASONS: Final[dict[str, FinishReason | None]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": None,
    "malformed_tool_use": None,
}
"""What each means; None is no answer, and one that botocore does not know yet is a plain stop."""

_NO_MESSAGE: Final = "Bedrock's answer has no message."

Tokens = Annotated[int, Meta(ge=0)] | None


class _Usage(Struct, rename="camel"):
    input_tokens: Tokens = None
    output_tokens: Tokens = None
    cache_read_input_tokens: Tokens = None
    cache_write_input_tokens: Tokens = None


def completion(reply: Mapping[str, Any], form: Form = "text") -> Completion:
    """The whole answer, read as its stream would be."""
    reader, said = StreamReader(form), Transcript()
    for event in _events(reply):
        said.add(reader.delta(event))
    reader.end()
    return said.completion()


class StreamReader:
    """Reads one stream's events. Where the answer is the arguments of a tool, what is said beside it is reasoning."""

    def __init__(self, form: Form = "text") -> None:
        """Start before the first event."""
        self._form = form
        self._reason: str | None = None
        self._calls: dict[int, int] = {}  # content block to tool call: text takes up numbers too
        self._silent: set[int] = set()  # calls whose arguments have not begun
        self._thought: set[int] = set()  # blocks whose reasoning was shown
        self._answer: int | None = None  # the block whose arguments are the answer
        self._unwrapping = Unwrapping()
        self._beside: list[str] = []

    def delta(self, event: Mapping[str, Any]) -> Delta:
        """What one event says, often nothing."""
        match event:
            case {"messageStop": {"stopReason": str(reason)}}:
                return self._stopped(reason)
            case {"metadata": {"usage": dict(usage)}}:
                return Delta(usage=_usage(usage))
            case {"contentBlockStart": {"contentBlockIndex": int(block), "start": {"toolUse": dict(call)}}}:
                return self._call_begun(block, call)
            case {"contentBlockDelta": {"contentBlockIndex": int(block), "delta": dict(delta)}}:
                return self._content(block, delta)
            case {"contentBlockStop": {"contentBlockIndex": int(block)}} if block in self._silent:
                return self._argued(block, "{}")  # a call without arguments has no piece of them
            case _:
                return Delta()

    @property
    def malformed(self) -> bool:
        """Whether the model stopped because what it said is no answer."""
        return self._reason is not None and STOP_REASONS.get(self._reason, "stop") is None

    def end(self) -> None:
        """The stream is over: `ModelError` where no answer was whole."""
        if self._reason is None:
            raise ModelUnavailable("Bedrock broke off before the answer was whole.")
        if self.malformed:
            raise ModelGarbled("The model's output was malformed.")

    def _stopped(self, reason: str) -> Delta:
        self._reason = reason
        finish = STOP_REASONS.get(reason, "stop")
        if self._form not in {"tool", "wrapped"}:
            return Delta(finish_reason=finish)
        text = "".join(self._beside) if self._answer is None else self._unwrapping.rest()
        return Delta(text=text, finish_reason="stop" if finish == "tool_calls" and not self._calls else finish)

    def _content(self, block: int, delta: Mapping[str, Any]) -> Delta:
        match delta:
            case {"text": str(text)} if self._form in {"tool", "wrapped"}:
                self._beside.append(text)
                return Delta(reasoning=text)
            case {"text": str(text)}:
                return Delta(text=text)
            case {"toolUse": {"input": str(arguments)}}:
                return self._argued(block, arguments)
            case {"reasoningContent": dict(thought)}:
                return self._thinking(block, thought)
            case _:
                return Delta()

    def _thinking(self, block: int, thought: Mapping[str, Any]) -> Delta:
        """What the model shows of its reasoning; a signature or ciphertext alone says that there was some."""
        text = thought.get("text", HIDDEN if block not in self._thought else "")
        if text:
            self._thought.add(block)
        return Delta(reasoning=text)

    def _call_begun(self, block: int, call: Mapping[str, Any]) -> Delta:
        self._silent.add(block)
        if self._form in {"tool", "wrapped"} and call.get("name") == TOOL:
            self._answer = block if self._answer is None else self._answer
            return Delta()
        index = self._calls.setdefault(block, len(self._calls))
        return Delta(tool_calls=(ToolCallDelta(index, call.get("toolUseId"), call.get("name")),))

    def _argued(self, block: int, arguments: str) -> Delta:
        if not arguments:
            return Delta()
        self._silent.discard(block)
        if block in self._calls:
            return Delta(tool_calls=(ToolCallDelta(self._calls[block], arguments=arguments),))
        if block != self._answer:
            return Delta()
        return Delta(text=self._unwrapping.feed(arguments) if self._form == "wrapped" else arguments)


def _events(reply: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The events that a stream of the same answer would have."""
    try:
        blocks, reason = reply["output"]["message"]["content"], reply["stopReason"]
    except (KeyError, TypeError):
        raise ModelGarbled(_NO_MESSAGE) from None
    if not isinstance(blocks, list) or not isinstance(reason, str):
        raise ModelGarbled(_NO_MESSAGE)
    for index, block in enumerate(blocks):
        for name, value in _parts(block):
            yield {name: {"contentBlockIndex": index, **value}}
    yield {"messageStop": {"stopReason": reason}}
    yield {"metadata": {"usage": reply.get("usage")}}


def _parts(block: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    match block:
        case {"toolUse": {"input": arguments} as call}:
            yield "contentBlockStart", {"start": {"toolUse": call}}
            if arguments:
                written = msgspec.json.encode(arguments).decode()
                yield "contentBlockDelta", {"delta": {"toolUse": {"input": written}}}
            yield "contentBlockStop", {}
        case {"reasoningContent": {"reasoningText": dict(thought)}}:
            yield "contentBlockDelta", {"delta": {"reasoningContent": {"text": thought.get("text", "")}}}
            yield "contentBlockDelta", {"delta": {"reasoningContent": {"signature": ""}}}
        case _:
            yield "contentBlockDelta", {"delta": block}


def _usage(stated: Mapping[str, Any]) -> Usage | None:
    """Bedrock counts what its prompt cache read and wrote apart from the input; here they are parts of it."""
    try:
        told = msgspec.convert(stated, _Usage)
    except msgspec.ValidationError:
        return None
    read, written = told.cache_read_input_tokens or 0, told.cache_write_input_tokens or 0
    return Usage(
        input_tokens=(told.input_tokens or 0) + read + written,
        output_tokens=told.output_tokens or 0,
        cached_input_tokens=read,
        cache_write_input_tokens=written,
    )
