"""Answers given before, served again: to the same question, and to one that asks the same in other words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import CacheMode, CacheRules
from chalicelib.domain.cache_key import Place, clean, place_of
from chalicelib.domain.chat import Completion, text_of
from chalicelib.domain.conversation import Turn
from chalicelib.domain.dependence import comparable, context_of
from chalicelib.domain.entries import AnswerScope, Entry, Neighbour, Sought, word_for
from chalicelib.domain.errors import IndexUnavailable, StoreUnavailable, TidegateError
from chalicelib.domain.items import completion_of, items_of
from chalicelib.domain.lessons import Ruling
from chalicelib.domain.purges import forbids
from chalicelib.domain.report import CacheOutcome
from chalicelib.domain.turn import CachedAnswer, Opened
from chalicelib.domain.verdicts import Decision, Knobs
from chalicelib.ports import Answers, Decisions, Embedder, Judge, Keeper, Known, VectorIndex


class Sighting(Struct, frozen=True):
    """What a look-up came to: an answer to serve, or what is to be kept with the fresh one; and how that was decided.

    `judged` says what the semantic tier made of the nearest question, or which fault kept it from looking (`failed`).
    `question` is what the caller had asked when the answer was given first.
    """

    answer: CachedAnswer | None = None
    outcome: CacheOutcome = "bypass"
    similarity: float | None = None
    judged: str | None = None
    failed: bool = False
    vector: bytes = b""
    ruling: Ruling | None = None
    question: str | None = None


@dataclass(frozen=True, slots=True)
class Meanings:
    """What finds, judges and keeps questions by their meaning."""

    embedder: Embedder
    index: VectorIndex
    judge: Judge
    keeper: Keeper
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class SemanticTier:
    """Where and how to look by meaning; in `shadow` it decides, and serves nothing.

    `embedder` names what makes the vectors. `meanings` are made with the first look-up: they take time to load.
    `draw` is uniform in [0, 1): it says which hits are checked.
    """

    mode: CacheMode
    embedder: str
    knobs: Knobs
    within_seconds: float
    meanings: Callable[[], Meanings]
    fits: Known
    draw: Callable[[], float]

    def scope(self, place: Place) -> AnswerScope | None:
        """Where to look by meaning, if at all."""
        if self.mode == "off" or place.meaning is None:
            return None
        return msgspec.structs.replace(place.meaning, embedder=self.embedder)

    def under(self, rules: CacheRules | None) -> SemanticTier:
        """The tier as a plan has it; where the stage has it off, no plan has it on."""
        if rules is None or self.mode == "off":
            return self
        bound = self.knobs.bound
        if rules.max_error is not None:
            bound = msgspec.structs.replace(bound, max_error=rules.max_error)
        terms = self.knobs.protected_terms | {term.casefold() for term in rules.protected_terms}
        rate = self.knobs.check_rate if rules.check_rate is None else rules.check_rate
        knobs = msgspec.structs.replace(self.knobs, bound=bound, check_rate=rate, protected_terms=terms)
        return replace(self, mode=rules.mode or self.mode, knobs=knobs)


def _remembered(turn: Turn, opened: Opened) -> CachedAnswer:
    """The answer that the conversation has of this very turn."""
    said, now = len(items_of(opened.ask.request.messages)), int(opened.ask.now)
    return CachedAnswer("", completion_of(turn, said), turn.target, now, now)


@dataclass(frozen=True, slots=True)
class AnswerCache:
    """Two tiers: one entry for a canonical question in a scope, then the nearest questions of that scope.

    Whatever fails in it costs a miss, and nothing else.
    """

    answers: Answers
    ttl_seconds: int
    semantic: SemanticTier

    def lookup(self, opened: Opened) -> Sighting:
        """What may be served now."""
        place, control, left = opened.place, opened.ask.cache, opened.ask.left
        if left is not None and left.turn is not None and left.is_answered:
            return Sighting(_remembered(left.turn, opened))
        if place is None:
            return Sighting()
        if control is not None and control.no_cache:
            return Sighting(outcome="miss")
        found = opened.memory.answers.get(place.key)
        if found is not None and self.fits(found, opened):
            return Sighting(found, "hit")
        tier = self.semantic.under(opened.caller.plan.cache)
        scope = tier.scope(place)
        return Sighting(outcome="miss") if scope is None else self._nearest(opened, scope, tier)

    def fits(self, found: CachedAnswer, opened: Opened) -> bool:
        """Whether an answer is of the turn's scope, good still, not purged, not longer than the caller lets it be."""
        place = opened.place
        if place is None or found.scope != place.scope or found.expires_at <= opened.ask.now:
            return False
        if place.meaning is not None and forbids(opened.memory.purges, place.meaning, found.created_at):
            return False
        return found.completion.usage.output_tokens <= opened.request.max_output_tokens

    def keeps(self, opened: Opened) -> bool:
        """Whether a clean answer would be kept."""
        control = opened.ask.cache
        if opened.place is None or (control is not None and control.no_store):
            return False
        *earlier, newest = opened.request.messages  # what was said before, and is not in the key, may shape an answer
        return context_of(earlier, text_of(newest.content)) == tuple(earlier)

    def store(self, opened: Opened, seen: Sighting, completion: Completion, target: str) -> bool:
        """Keep a clean answer; whether it was kept."""
        control, place = opened.ask.cache, opened.place
        if place is None or not self.keeps(opened) or not clean(completion):
            self.record(seen)
            return False
        question = text_of(opened.request.messages[-1].content)
        rules, now = opened.caller.plan.cache, int(opened.ask.now)
        longest = min(self.ttl_seconds, (rules and rules.ttl_seconds) or self.ttl_seconds)
        ttl = control.ttl if control is not None and control.ttl is not None else longest
        answer = CachedAnswer(place.scope, completion, target, now, now + min(ttl, longest))
        scope = self.semantic.under(rules).scope(place)
        try:
            if scope is None or not seen.vector:
                return self.answers.store(place.key, answer)
            said = word_for(scope, completion.text or "")
            entry = Entry(place.key, scope, question, seen.vector, place.key, now, answer.expires_at, said)
            ruling = seen.ruling and msgspec.structs.replace(seen.ruling, fresh=place.key)
            return self.semantic.meanings().keeper.keep(place.key, answer, entry, ruling, opened.ask.now)
        except (StoreUnavailable, IndexUnavailable):
            return False

    def record(self, seen: Sighting) -> None:
        """Keep the decision of a turn that keeps no answer with it."""
        if seen.ruling is not None:
            with suppress(StoreUnavailable):
                self.semantic.meanings().decisions.put(seen.ruling)

    def _nearest(self, opened: Opened, scope: AnswerScope, tier: SemanticTier) -> Sighting:
        question = text_of(opened.ask.request.messages[-1].content)
        if not comparable(question):
            return Sighting(outcome="miss", judged="not compared")
        vector = b""
        try:
            meanings = tier.meanings()
            (vector,) = meanings.embedder.embed([question], None, tier.within_seconds).vectors
            sought = Sought(scope, vector, opened.ask.now, mark=opened.memory.marks.get(scope))
            found = meanings.index.search(sought, tier.within_seconds)
            near = [each for each in found if each.scope == scope and _is_own(each, scope)]
            fit = tier.fits.fit(tier.fits.namespace(scope.tenant))
            decision = meanings.judge.judge(question, near, fit, tier.knobs)
            missed = Sighting(outcome="miss", vector=vector, ruling=_ruling(opened, scope, decision, near, tier))
            seen = self._served(opened, decision, missed, tier)
            return msgspec.structs.replace(seen, question=_asked(near, decision, scope)) if seen.answer else seen
        except TidegateError as fault:
            return Sighting(outcome="miss", judged=type(fault).__name__, failed=True, vector=vector)

    def _served(self, opened: Opened, decision: Decision, missed: Sighting, tier: SemanticTier) -> Sighting:
        judged = decision.guard or decision.reason
        missed = msgspec.structs.replace(missed, similarity=decision.similarity, judged=judged)
        if not decision.serve or decision.entry is None or tier.mode == "shadow":
            return missed
        offer = tier.meanings().decisions.offer(decision.entry, opened.ask.now)
        if offer.answer is None or not self.fits(offer.answer, opened):
            return missed
        if decision.evidence is not None and decision.evidence.logit <= offer.floor:
            told = msgspec.structs.replace(decision, serve=False, tier="miss", reason="corrected")
            return _ruled(missed, "corrected", decision=told)
        if decision.evidence is not None and tier.draw() < tier.knobs.share_checked(decision.score):
            return _ruled(missed, "checked", checked=True)
        served = _ruled(missed, decision.reason, outcome="semantic")
        return msgspec.structs.replace(served, answer=offer.answer, outcome="semantic")


def _is_own(near: Neighbour, scope: AnswerScope) -> bool:
    """Whether a neighbour's answer is kept where `scope` keeps the answer to its question: nobody else's can be."""
    return near.answer == place_of(scope, near.question).key


def _asked(near: Sequence[Neighbour], decision: Decision, scope: AnswerScope) -> str | None:
    """The question that an answer was given to; where users share answers, it may be another's, and is not told."""
    found = (each.question for each in near if each.answer == decision.entry)
    return None if scope.is_shared else next(found, None)


def _ruling(
    opened: Opened, scope: AnswerScope, decision: Decision, near: Sequence[Neighbour], tier: SemanticTier
) -> Ruling:
    """The decision as it is kept, as long as nothing comes of it."""
    considered = next((each.created_at for each in near if each.answer == decision.entry), None)
    return Ruling(
        id=opened.ask.turn_id,
        request_id=opened.ask.request_id,
        at=int(opened.ask.now),
        user=opened.principal.user,
        scope=scope,
        verifier=tier.fits.namespace(scope.tenant).verifier,
        mode=tier.mode,
        outcome="miss",
        decision=decision,
        entry_at=considered,
        asked=opened.place.key if opened.place else None,
    )


def _ruled(seen: Sighting, judged: str, **changes: object) -> Sighting:
    """What was seen, with what came of the decision."""
    ruling = seen.ruling and msgspec.structs.replace(seen.ruling, **changes)
    return msgspec.structs.replace(seen, judged=judged, ruling=ruling)
