"""The semantic cache as users and operators see it: why it answered, that it was wrong, what is to go, how it fares."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import CacheMode
from chalicelib.domain.cursor import seal, unseal
from chalicelib.domain.entries import Health, Purge
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import Peppers, Principal, tenant_tag
from chalicelib.domain.lessons import Course, Feedback, Found, Ruling, Search
from chalicelib.domain.verdicts import Bound, Namespace
from chalicelib.ports import Decisions, Lessons, VectorIndex

FLOOR_SECONDS: Final = 30 * 86_400  # how long an answer that was wrong once has to be surer of a match
_TURN: Final = re.compile(r"(?:[a-z]+[-_])?([0-9a-f]{32})")


class Word(Struct, frozen=True):
    """What a user says of the answer with an id: that of the completion, or of the request."""

    answer: str
    correct: bool


class State(Struct, frozen=True):
    """How the cache fares for a tenant under the stage's own settings."""

    tenant: str
    mode: CacheMode
    namespace: Namespace
    bound: Bound
    course: Course
    index: Health


@dataclass(frozen=True, slots=True)
class Review:
    """Nothing of it is in a turn's way. `index` is made when it is asked for: it takes time to load."""

    decisions: Decisions
    lessons: Lessons
    index: Callable[[], VectorIndex]
    peppers: Peppers
    mode: CacheMode
    bound: Bound
    namespace: Callable[[str], Namespace]

    def feedback(self, owner: Principal, word: Word, *, call_id: str, now: float) -> Ruling:
        """Learn from a user's word on an answer of their own; a wrong one is not served again. Repeating it is safe."""
        ruling = self._decision(owner.tenant_tag, word.answer)
        if ruling is None or ruling.user != owner.user:
            raise NotFound("decision of the cache", word.answer)
        told = msgspec.structs.replace(ruling, correct=word.correct)
        self.decisions.correct(Feedback(call_id, told))
        if not word.correct:
            self._evict(told, now)
        return told

    def page(self, search: Search) -> Found:
        """A tenant's decisions, the newest first; `before` is a cursor of this list."""
        listing = ("decisions", search.tenant, *(str(part) for part in (search.user, search.model, search.outcome)))
        before = search.before and unseal(search.before, listing, self.peppers)
        tag = tenant_tag(search.tenant)
        found = self.decisions.page(msgspec.structs.replace(search, tenant=tag, before=before))
        return Found(found.rulings, found.before and seal(found.before, listing, self.peppers))

    def purge(self, purge: Purge, now: float) -> int:
        """Serve nothing of it from now on; how many questions were forgotten. Repeating it is safe."""
        self.decisions.forbid(purge, now)
        return self.index().purge(purge, now)

    def state(self, tenant: str) -> State:
        """What it learned of a tenant, and how its index is."""
        namespace = self.namespace(tenant_tag(tenant))
        return State(tenant, self.mode, namespace, self.bound, self.lessons.course(namespace), self.index().health())

    def _decision(self, tenant: str, answer: str) -> Ruling | None:
        """By the turn's id, which is a key; what is no such id may be a request's, which has to be searched for."""
        turn = _TURN.fullmatch(answer)
        return self.decisions.get(tenant, turn[1]) if turn else self.decisions.requested(tenant, answer)

    def _evict(self, ruling: Ruling, now: float) -> None:
        """What the user was given goes; where it was stored for another question, a match with it has to be surer."""
        if ruling.given is None:
            return
        evidence = ruling.decision.evidence
        if ruling.outcome == "semantic" and evidence is not None:
            self.decisions.lift(ruling.given, evidence.logit, int(now) + FLOOR_SECONDS)
        self.decisions.drop(ruling.given)
        self.index().remove(ruling.scope, [ruling.given], now)
