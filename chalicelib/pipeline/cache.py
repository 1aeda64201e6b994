"""Answers given before, served again where the scope is the same."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.cache_key import clean
from chalicelib.domain.chat import Completion, text_of
from chalicelib.domain.dependence import context_of
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.turn import CachedAnswer, Opened
from chalicelib.ports import Answers


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """The exact tier: one entry for a canonical question in a scope."""

    answers: Answers
    ttl_seconds: int

    def lookup(self, opened: Opened) -> CachedAnswer | None:
        """The answer to the same question, if it came with the opening read and may be served now."""
        control = opened.ask.cache
        if opened.place is None or (control is not None and control.no_cache):
            return None
        found = opened.memory.answers.get(opened.place.key)
        if found is None or found.scope != opened.place.scope or found.expires_at <= opened.ask.now:
            return None
        fits = found.completion.usage.output_tokens <= opened.request.max_output_tokens
        return found if fits else None

    def store(self, opened: Opened, completion: Completion, target: str) -> None:
        """Keep a clean answer. A cache that cannot be written to costs a later miss and nothing else."""
        control = opened.ask.cache
        if opened.place is None or (control is not None and control.no_store) or not clean(completion):
            return
        *earlier, newest = opened.request.messages
        if context_of(earlier, text_of(newest.content)) != tuple(earlier):
            return  # what was said before, and is not in the key, may have shaped it in ways that nobody can see
        ttl = control.ttl if control is not None and control.ttl is not None else self.ttl_seconds
        now = int(opened.ask.now)
        answer = CachedAnswer(opened.place.scope, completion, target, now, now + min(ttl, self.ttl_seconds))
        try:
            self.answers.store(opened.place.key, answer)
        except StoreUnavailable:
            return
