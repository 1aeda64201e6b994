"""What Converse and ConverseStream answer, as ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from chalicelib.domain.chat import (
    CalledFunction,
    Completion,
    Delta,
    FinishReason,
    ToolCall,
    ToolCallDelta,
    Usage,
)
from chalicelib.domain.errors import ModelGarbled

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


def completion(reply: Mapping[str, Any]) -> Completion:
    """The whole answer; what is neither text nor a tool call, such as reasoning, is left out."""
    try:
        blocks = reply["output"]["message"]["content"]
        calls = tuple(_call(block["toolUse"]) for block in blocks if "toolUse" in block)
        text = "".join(block["text"] for block in blocks if "text" in block)
        reason, usage = reply["stopReason"], _usage(reply.get("usage", {}))
    except (KeyError, TypeError) as fault:
        raise ModelGarbled("Bedrock's answer has no message.") from fault
    return Completion(
        text=text if text or not calls else None,
        tool_calls=calls,
        finish_reason=_finish_reason(reason),
        usage=usage,
    )


class StreamReader:
    """Reads one stream's events; `finished` once the model said why it stopped."""

    def __init__(self) -> None:
        """Start before the first event."""
        self.finished = False
        self._calls: dict[int, int] = {}  # content block to tool call: text takes up numbers too
        self._silent: set[int] = set()

    def delta(self, event: Mapping[str, Any]) -> Delta:
        """What one event says, often nothing."""
        match event:
            case {"messageStop": {"stopReason": str(reason)}}:
                self.finished = True
                return Delta(finish_reason=_finish_reason(reason))
            case {"metadata": {"usage": usage}}:
                return Delta(usage=_usage(usage))
            case _:
                return self._content(event)

    def _content(self, event: Mapping[str, Any]) -> Delta:
        match event:
            case {"contentBlockStart": {"contentBlockIndex": int(block), "start": {"toolUse": call}}}:
                return self._call_begun(block, call)
            case {"contentBlockDelta": {"delta": {"text": str(text)}}}:
                return Delta(text=text)
            case {"contentBlockDelta": {"contentBlockIndex": int(block), "delta": {"toolUse": call}}}:
                return self._argued(block, str(call.get("input", "")))
            case {"contentBlockStop": {"contentBlockIndex": int(block)}} if block in self._silent:
                return self._argued(block, "{}")  # a call without arguments has no piece of them
            case _:
                return Delta()

    def _call_begun(self, block: int, call: Mapping[str, Any]) -> Delta:
        index = self._calls.setdefault(block, len(self._calls))
        self._silent.add(block)
        return Delta(tool_calls=(ToolCallDelta(index, call.get("toolUseId"), call.get("name")),))

    def _argued(self, block: int, arguments: str) -> Delta:
        if not arguments or block not in self._calls:
            return Delta()
        self._silent.discard(block)
        return Delta(tool_calls=(ToolCallDelta(self._calls[block], arguments=arguments),))


def _finish_reason(reason: str) -> FinishReason:
    finish = STOP_REASONS.get(reason, "stop")
    if finish is None:
        raise ModelGarbled("The model's output was malformed.")
    return finish


def _call(use: Mapping[str, Any]) -> ToolCall:
    arguments = msgspec.json.encode(use.get("input") or {}).decode()
    return ToolCall(id=use["toolUseId"], function=CalledFunction(name=use["name"], arguments=arguments))


def _usage(stated: Mapping[str, Any]) -> Usage:
    """Bedrock counts what its prompt cache read and wrote apart from the input; here they are parts of it."""
    read, written = stated.get("cacheReadInputTokens") or 0, stated.get("cacheWriteInputTokens") or 0
    return Usage(
        input_tokens=stated.get("inputTokens", 0) + read + written,
        output_tokens=stated.get("outputTokens", 0),
        cached_input_tokens=read,
    )
