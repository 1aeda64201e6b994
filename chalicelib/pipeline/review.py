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
from chalicelib.domain.identity import Pepperbox, Principal, tenant_tag
from chalicelib.domain.lessons import Course, Feedback, Found, Ruling, Search
from chalicelib.domain.trail import By, Whose, purge_changes
from chalicelib.domain.verdicts import Bound, Calibration, Namespace
from chalicelib.ports import Decisions, Lessons, Offer, VectorIndex

FLOOR_SECONDS: Final = 30 * 86_400  # how long a question whose answers were mixed up has to be surer of a match
_TURN: Final = re.compile(r"(?:[a-z]+[-_])?([0-9a-f]{32})")


class Word(Struct, frozen=True):
    """What a user says of the answer with an id: that of the completion, or of the request."""

    answer: str
    correct: bool


class State(Struct, frozen=True):
    """How the cache fares for a tenant under the stage's own settings; `fit` is what decides its turns."""

    tenant: str
    mode: CacheMode
    namespace: Namespace
    bound: Bound
    course: Course
    fit: Calibration
    index: Health


@dataclass(frozen=True, slots=True)
class Review:
    """Nothing of it is in a turn's way. `index` and `untaught` are made when asked for: they take time to load.

    `untaught` is the fit of a namespace that has none of its own.
    """

    decisions: Decisions
    lessons: Lessons
    index: Callable[[], VectorIndex]
    peppers: Pepperbox
    mode: CacheMode
    bound: Bound
    namespace: Callable[[str], Namespace]
    untaught: Callable[[], Calibration]
    catalogue: Offer

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

    def purge(self, purge: Purge, whose: Whose, by: By) -> int:
        """Serve nothing of it from now on; how many questions were forgotten. Repeating it is safe.

        `NotFound` where it names a model that the catalogue does not have.
        """
        if purge.model is not None:
            purge = msgspec.structs.replace(purge, model=self._model(purge.model))
        note = by.did("cache.purge", whose[0], purge_changes(purge), whose=whose)
        self.decisions.forbid(purge, by.at, note)
        return self.index().purge(purge, by.at)

    def state(self, tenant: str) -> State:
        """What it learned of a tenant, and how its index is."""
        namespace = self.namespace(tenant_tag(tenant))
        course = self.lessons.course(namespace)
        fit = course.calibration or self.untaught()
        return State(tenant, self.mode, namespace, self.bound, course, fit, self.index().health())

    def _model(self, name: str) -> str:
        """The id behind a name or an alias."""
        model = self.catalogue.named(name)
        if model is None:
            raise NotFound("model", name, param="model")
        return model.id

    def _decision(self, tenant: str, answer: str) -> Ruling | None:
        """By the turn's id, which is a key; what is no such id may be a request's, which has to be searched for."""
        turn = _TURN.fullmatch(answer)
        return self.decisions.get(tenant, turn[1]) if turn else self.decisions.requested(tenant, answer)

    def _evict(self, ruling: Ruling, now: float) -> None:
        """What the user was given goes; where it was stored for another question, both have to be surer of a match."""
        if ruling.given is None:
            return
        evidence = ruling.decision.evidence
        if ruling.outcome == "semantic" and evidence is not None:
            for key in filter(None, (ruling.given, ruling.asked)):
                self.decisions.lift(key, evidence.logit, int(now) + FLOOR_SECONDS)
        self.decisions.drop(ruling.given)
        self.index().remove(ruling.scope, [ruling.given], now)
