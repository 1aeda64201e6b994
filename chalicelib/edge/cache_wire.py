"""What users say of cached answers, and what administrators see and purge of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from chalice.app import Response
from msgspec import Meta, Struct

from chalicelib.domain.budget import CacheMode
from chalicelib.domain.chat import Wire
from chalicelib.domain.entries import Health, Purge
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import tenant_tag, user_tag
from chalicelib.domain.lessons import Found, Ruled, Ruling, Search
from chalicelib.edge.admin_wire import Listing, wanted_of
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON
from chalicelib.edge.names import Owner
from chalicelib.pipeline.review import State, Word

OUTCOMES: Final[Mapping[str, Ruled]] = {"semantic": "semantic", "miss": "miss"}

Part = Annotated[str, Meta(min_length=1, max_length=256)] | None


class FeedbackBody(Wire, frozen=True):
    """The body of `POST /v1/cache/feedback`."""

    id: Annotated[str, Meta(min_length=1, max_length=200)]
    correct: bool


class PurgeBody(Wire, frozen=True):
    """The body of `POST /admin/cache/purge`."""

    tenant: Owner
    user: Owner | None = None
    model: Part = None
    prefix: Part = None
    older_than_seconds: Annotated[int, Meta(ge=0, le=31_536_000)] | None = None


class FeedbackView(Struct, frozen=True, kw_only=True):
    """A word that was heard."""

    id: str
    object: Literal["cache.feedback"] = "cache.feedback"
    correct: bool | None


class PurgeView(Struct, frozen=True, kw_only=True):
    """What a purge came to: how many questions are no longer found by their meaning."""

    object: Literal["cache.purge"] = "cache.purge"
    tenant: str
    forgotten: int


class DecisionView(Struct, frozen=True, kw_only=True):
    """A decision, without a word of what was asked or answered."""

    id: str
    object: Literal["cache.decision"] = "cache.decision"
    request_id: str
    created_at: int
    user: str
    model: str
    prefix: str
    shared: bool
    mode: CacheMode
    outcome: Ruled
    checked: bool
    reason: str
    guard: str | None
    score: float | None
    lower: float | None
    threshold: float
    similarity: float | None
    logit: float | None
    runner_up: float | None
    seconded: float | None
    entry: str | None
    entry_age_seconds: int | None
    fresh: str | None
    correct: bool | None


class StateView(Struct, frozen=True, kw_only=True):
    """How the cache fares for a tenant."""

    object: Literal["cache"] = "cache"
    tenant: str
    mode: CacheMode
    max_error: float
    embedder: str
    verifier: str
    requests: int
    labels: int
    threshold: float
    expected_error: float | None
    refitted_at: int | None
    index: Health


def word_of(body: FeedbackBody) -> Word:
    """What is said of which answer."""
    return Word(body.id, body.correct)


def search_of(call: Call) -> Search:
    """The page of decisions that the query asks for."""
    wanted, outcome = wanted_of(call), call.query("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        raise BadRequest(f"'outcome' is one of {', '.join(OUTCOMES)}.", param="outcome")
    return Search(
        tenant=wanted.tenant,
        user=wanted.user,
        model=call.query("model") or None,
        outcome=OUTCOMES.get(outcome or ""),
        before=wanted.after,
        limit=wanted.limit,
    )


def purge_of(body: PurgeBody, now: float) -> Purge:
    """What is to go."""
    return Purge(
        tenant=tenant_tag(body.tenant),
        user=None if body.user is None else user_tag(body.tenant, body.user),
        model=body.model,
        prefix=body.prefix,
        before=None if body.older_than_seconds is None else int(now) - body.older_than_seconds,
    )


def tenant_of(call: Call) -> str:
    """The tenant that the query names."""
    return wanted_of(call).tenant


def feedback_response(ruling: Ruling) -> Response:
    """The word, as it was heard."""
    return _json(FeedbackView(id=f"chatcmpl-{ruling.id}", correct=ruling.correct))


def purge_response(body: PurgeBody, forgotten: int) -> Response:
    """What the purge came to."""
    return _json(PurgeView(tenant=body.tenant, forgotten=forgotten))


def decisions_response(found: Found) -> Response:
    """A page of decisions."""
    data = [decision_view(ruling) for ruling in found.rulings]
    return _json(Listing(data=data, has_more=found.before is not None, next=found.before))


def state_response(state: State) -> Response:
    """How the cache fares."""
    known, bound = state.course.calibration, state.bound
    line = known and known.chosen(bound)
    return _json(
        StateView(
            tenant=state.tenant,
            mode=state.mode,
            max_error=bound.max_error,
            embedder=state.namespace.embedder,
            verifier=state.namespace.verifier,
            requests=len(known.requests) if known else 0,
            labels=len(known.labels) if known else 0,
            threshold=state.fit.line(bound),
            expected_error=line.of_requests if line else None,
            refitted_at=state.course.refitted_at or None,
            index=state.index,
        )
    )


def decision_view(ruling: Ruling) -> DecisionView:
    """What is shown of a decision."""
    decision, scope, evidence = ruling.decision, ruling.scope, ruling.decision.evidence
    return DecisionView(
        id=f"chatcmpl-{ruling.id}",
        request_id=ruling.request_id,
        created_at=ruling.at,
        user=ruling.user,
        model=scope.model,
        prefix=scope.prefix,
        shared=scope.user == "*",
        mode=ruling.mode,
        outcome=ruling.outcome,
        checked=ruling.checked,
        reason=decision.reason,
        guard=decision.guard,
        score=decision.score,
        lower=decision.lower,
        threshold=decision.threshold,
        similarity=decision.similarity,
        logit=evidence.logit if evidence else None,
        runner_up=evidence.runner_up if evidence else None,
        seconded=evidence.seconded if evidence else None,
        entry=decision.entry,
        entry_age_seconds=None if ruling.entry_at is None else ruling.at - ruling.entry_at,
        fresh=ruling.fresh,
        correct=ruling.correct,
    )


def _json(value: Any) -> Response:
    return Response(msgspec.json.encode(value).decode(), {"Content-Type": JSON})
