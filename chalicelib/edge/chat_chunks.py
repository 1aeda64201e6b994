"""The chunks that a chat completion is streamed in, whatever carries them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.chat import Delta, FinishReason, ToolCallDelta
from chalicelib.domain.turn import Head
from chalicelib.edge.chat_answer import Source, UsageBody, source_of, usage_body


class FunctionDelta(Struct, frozen=True, omit_defaults=True):
    """A piece of a call's function."""

    name: str | None = None
    arguments: str | UnsetType = UNSET


class CallDelta(Struct, frozen=True):
    """A piece of a tool call."""

    index: int
    function: FunctionDelta
    id: str | UnsetType = UNSET
    type: Literal["function"] | UnsetType = UNSET


class MessageDelta(Struct, frozen=True):
    """A piece of the assistant's message."""

    role: Literal["assistant"] | UnsetType = UNSET
    content: str | UnsetType = UNSET
    reasoning_content: str | UnsetType = UNSET
    refusal: str | UnsetType = UNSET
    tool_calls: tuple[CallDelta, ...] | UnsetType = UNSET


class ChunkChoice(Struct, frozen=True, kw_only=True):
    """The one choice of a chunk."""

    index: int = 0
    delta: MessageDelta
    logprobs: None = None
    finish_reason: FinishReason | None


class Chunk(Struct, frozen=True, kw_only=True):
    """One event of a stream. `usage` is null in every chunk but the last, and only where it was asked for."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: tuple[ChunkChoice, ...]
    usage: UsageBody | UnsetType | None = UNSET
    conversation: str | UnsetType = UNSET
    tidegate: Source | UnsetType = UNSET


class Chunks(Struct, frozen=True):
    """Writes the chunks of one answer."""

    head: Head
    with_usage: bool = False

    def opening(self) -> Chunk:
        """The first one carries the role, before the model's first piece."""
        return msgspec.structs.replace(
            self._chunk(MessageDelta(role="assistant", content="")), tidegate=source_of(self.head)
        )

    def of(self, delta: Delta) -> Iterator[Chunk]:
        """What is told of a delta; some say nothing that a caller is told."""
        if delta.text or delta.tool_calls or delta.refusal or delta.reasoning:
            yield self._chunk(_message_delta(delta))
        if delta.finish_reason is not None:
            yield self._chunk(MessageDelta(), delta.finish_reason)
        if delta.usage is not None and self.with_usage:
            yield self._written((), usage_body(delta.usage))

    def _chunk(self, delta: MessageDelta, finish_reason: FinishReason | None = None) -> Chunk:
        return self._written((ChunkChoice(delta=delta, finish_reason=finish_reason),), None)

    def _written(self, choices: tuple[ChunkChoice, ...], usage: UsageBody | None) -> Chunk:
        return Chunk(
            id=f"chatcmpl-{self.head.turn_id}",
            created=self.head.created_at,
            model=self.head.model,
            choices=choices,
            usage=usage if self.with_usage else UNSET,
            conversation=self.head.conversation or UNSET,
        )


def _message_delta(delta: Delta) -> MessageDelta:
    return MessageDelta(
        content=delta.text or UNSET,
        reasoning_content=delta.reasoning or UNSET,
        refusal=delta.refusal or UNSET,
        tool_calls=tuple(_call_delta(call) for call in delta.tool_calls) or UNSET,
    )


def _call_delta(call: ToolCallDelta) -> CallDelta:
    function = FunctionDelta(name=call.name, arguments=call.arguments)
    if call.id is None:
        return CallDelta(call.index, function)
    return CallDelta(call.index, function, id=call.id, type="function")
