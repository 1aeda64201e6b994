"""What may share an answer: the scope, and inside it the canonical form of the question."""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.chat import ChatRequest, Completion, User, text_of
from chalicelib.domain.dependence import answers_everybody, context_of
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.question import canonical

SCOPE_PARTS: Final = 5
MOST_TEMPERATURE: Final = 0.9  # above it a caller asks for variety; a cached answer would deny it


def cacheable(request: ChatRequest, *, asked: bool) -> bool:
    """Whether an answer to `request` may be kept at all; `asked` is the caller's explicit wish for the cache."""
    newest = request.messages[-1]
    options = request.options
    if not isinstance(newest, User) or not isinstance(newest.content, str) or options.tools or options.logit_bias:
        return False
    if options.temperature is not None and options.temperature > MOST_TEMPERATURE and not asked:
        return False
    return asked or answers_everybody(newest.content)


def clean(completion: Completion) -> bool:
    """Whether an answer is whole, and made of text alone."""
    plain = not completion.tool_calls and not completion.refusal
    return plain and completion.finish_reason == "stop" and bool(completion.text)


class Place(Struct, frozen=True):
    """Where an answer may be kept: its scope, which is checked on the entry too, and its exact key.

    `meaning` is the scope in its parts, the embedder aside, where it may be found by its meaning too.
    """

    scope: str
    key: str
    meaning: AnswerScope | None = None


def places(tenant_tag: str, user_tag: str, request: ChatRequest) -> tuple[Place, Place]:
    """The user's own place for the answer to `request`, and the one that all users of the tenant share.

    The scope is everything else that the answer may depend on; two requests share an answer only where it is equal. The
    cap on output is not in it, since only answers that ended by themselves are kept.
    """
    unlike = msgspec.structs.replace(request.options, user=None)
    *earlier, newest = request.messages
    context = context_of(earlier, text_of(newest.content))
    parts = (request.model, context, getattr(newest, "name", None), unlike)
    digest = hashlib.sha256(msgspec.json.encode(parts)).hexdigest()
    own, shared = (AnswerScope(tenant_tag, user, request.model, digest, "") for user in (user_tag, "*"))
    question = canonical(text_of(newest.content))
    return _place(own, question), _place(shared, question)


def owner_of(scope: str) -> str | None:
    """Whose answers a place's scope holds; None where all users of a tenant share them."""
    parts = scope.split(":")
    return None if len(parts) < SCOPE_PARTS or parts[2] == "*" else f"{parts[1]}.{parts[2]}"


def place_of(meaning: AnswerScope, question: str) -> Place:
    """The place in a scope of the answer to a question; whatever embedder the scope names, and however it is put."""
    return _place(meaning, canonical(question))


def _place(meaning: AnswerScope, canonical_question: str) -> Place:
    scope = f"1:{meaning.tenant}:{meaning.user}:{meaning.model}:{meaning.prefix}"
    return Place(scope, hashlib.sha256(f"{scope}\n{canonical_question}".encode()).hexdigest(), meaning)
