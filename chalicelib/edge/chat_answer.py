"""A chat completion's answer as OpenAI writes it in one piece."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.chat import FinishReason, ToolCall, Usage
from chalicelib.domain.report import CacheOutcome
from chalicelib.domain.turn import Head, Reply


class TokenDetails(Struct, frozen=True):
    """Of the prompt's tokens, those that the provider had cached."""

    cached_tokens: int


class OutputDetails(Struct, frozen=True):
    """Of the completion's tokens, those that were reasoning."""

    reasoning_tokens: int


class UsageBody(Struct, frozen=True):
    """Usage by OpenAI's names."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: TokenDetails
    completion_tokens_details: OutputDetails


class AnswerMessage(Struct, frozen=True, kw_only=True):
    """The assistant's message; `reasoning_content` is not OpenAI's field, but the one that SDKs and servers know."""

    role: Literal["assistant"] = "assistant"
    content: str | None
    reasoning_content: str | UnsetType = UNSET
    refusal: str | None
    annotations: tuple[Any, ...] = ()
    tool_calls: tuple[ToolCall, ...] | UnsetType = UNSET


class Source(Struct, frozen=True, kw_only=True):
    """Where an answer is from: what the headers say of one over HTTP, and the question that it was given to first."""

    cache: CacheOutcome | UnsetType = UNSET
    target: str | UnsetType = UNSET
    attempts: int | UnsetType = UNSET
    similarity: float | UnsetType = UNSET
    question: str | UnsetType = UNSET


class Choice(Struct, frozen=True, kw_only=True):
    """The one choice."""

    index: int = 0
    message: AnswerMessage
    logprobs: None = None
    finish_reason: FinishReason


class ChatAnswer(Struct, frozen=True, kw_only=True):
    """The whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[Choice, ...]
    usage: UsageBody
    conversation: str | UnsetType = UNSET
    tidegate: Source | UnsetType = UNSET


def answer_of(reply: Reply) -> ChatAnswer:
    """The answer by OpenAI's names."""
    head, completion = reply.head, reply.completion
    message = AnswerMessage(
        content=completion.text,
        reasoning_content=completion.reasoning or UNSET,
        refusal=completion.refusal,
        tool_calls=completion.tool_calls or UNSET,
    )
    return ChatAnswer(
        id=f"chatcmpl-{head.turn_id}",
        created=head.created_at,
        model=head.model,
        choices=(Choice(message=message, finish_reason=completion.finish_reason),),
        usage=usage_body(completion.usage),
        conversation=head.conversation or UNSET,
        tidegate=source_of(head),
    )


def source_of(head: Head) -> Source | UnsetType:
    """What no header says of an answer's source: a question may be long, and in any script."""
    return Source(question=head.question) if head.question else UNSET


def whole_source_of(head: Head) -> Source:
    """All of an answer's source, where there are no headers."""
    return Source(
        cache=head.cache,
        target=head.target,
        attempts=head.attempts,
        similarity=UNSET if head.similarity is None else head.similarity,
        question=head.question or UNSET,
    )


def usage_body(usage: Usage) -> UsageBody:
    """Usage by OpenAI's names."""
    return UsageBody(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.input_tokens + usage.output_tokens,
        prompt_tokens_details=TokenDetails(usage.cached_input_tokens),
        completion_tokens_details=OutputDetails(usage.reasoning_tokens),
    )
