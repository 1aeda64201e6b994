"""A chat completion's answer as it is sent: whole, as server-sent events, or as the job that will have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec
from chalice.app import Response
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.chat import Delta, FinishReason, ToolCallDelta, Usage
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.turn import Head, Reply, Streamed
from chalicelib.edge.chat_answer import UsageBody, answer_of, usage_body
from chalicelib.edge.gateway import JSON, StreamedResponse
from chalicelib.edge.headers import head_headers
from chalicelib.edge.job_wire import accepted
from chalicelib.edge.problems import error_body
from chalicelib.pipeline.lane import Waiting

DONE: Final = b"data: [DONE]\n\n"


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


def whole(reply: Reply | Waiting) -> Response:
    """The answer in one piece, or where it is waited for."""
    if isinstance(reply, Waiting):
        return accepted(reply)
    return Response(msgspec.json.encode(answer_of(reply)).decode(), {"Content-Type": JSON, **head_headers(reply.head)})


def streamed(answer: Streamed | Waiting, *, with_usage: bool) -> Response:
    """The answer as events, ending in `[DONE]`; a fault on the way is one error event and the end."""
    if isinstance(answer, Waiting):
        return accepted(answer)
    return StreamedResponse(Events(answer, with_usage=with_usage), {**head_headers(answer.head)})


class Events(Iterator[bytes]):
    """Server-sent events of a stream of deltas. `close` ends the turn early."""

    __slots__ = ("_ahead", "_answer", "_over", "_with_usage")

    def __init__(self, answer: Streamed, *, with_usage: bool) -> None:
        """The first event carries the role, before the model's first piece."""
        self._answer = answer
        self._with_usage = with_usage
        self._ahead: list[bytes] = [self._event(MessageDelta(role="assistant", content=""))]
        self._over = False

    def __next__(self) -> bytes:
        """The next events, whole, at least one."""
        while not self._ahead and not self._over:
            self._advance()
        if not self._ahead:
            raise StopIteration
        return self._ahead.pop(0)

    @property
    def over(self) -> bool:
        """Whether the last event was read."""
        return self._over and not self._ahead

    def close(self) -> None:
        """Stop reading; the turn is settled with what came."""
        self._over = True
        self._ahead.clear()
        if (close := getattr(self._answer.deltas, "close", None)) is not None:
            close()

    def _advance(self) -> None:
        """Take the next delta; some say nothing that a caller is told."""
        try:
            delta = next(self._answer.deltas)
        except StopIteration:
            self._over = True
            self._ahead.append(DONE)
        except TidegateError as fault:
            self._over = True
            self._ahead.append(_sse(error_body(fault)))
        else:
            self._ahead += self._events_of(delta)

    def _events_of(self, delta: Delta) -> Iterator[bytes]:
        if delta.text or delta.tool_calls or delta.refusal or delta.reasoning:
            yield self._event(_message_delta(delta))
        if delta.finish_reason is not None:
            yield self._event(MessageDelta(), delta.finish_reason)
        if delta.usage is not None and self._with_usage:
            yield self._usage_event(delta.usage)

    def _event(self, delta: MessageDelta, finish_reason: FinishReason | None = None) -> bytes:
        return self._chunk((ChunkChoice(delta=delta, finish_reason=finish_reason),), None)

    def _usage_event(self, usage: Usage) -> bytes:
        return self._chunk((), usage_body(usage))

    def _chunk(self, choices: tuple[ChunkChoice, ...], usage: UsageBody | None) -> bytes:
        head: Head = self._answer.head
        chunk = Chunk(
            id=f"chatcmpl-{head.turn_id}",
            created=head.created_at,
            model=head.model,
            choices=choices,
            usage=usage if self._with_usage else UNSET,
            conversation=head.conversation or UNSET,
        )
        return _sse(chunk)


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


def _sse(value: object) -> bytes:
    return b"data: " + msgspec.json.encode(value) + b"\n\n"
