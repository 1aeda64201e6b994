"""Plans as administrators read and write them."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chalicelib.domain.budget import HOT, METERS, MOST_SHARDS, CacheRules, Limit, Plan, SubjectKind, Window, size
from chalicelib.domain.chat import Wire
from chalicelib.domain.errors import BadRequest
from chalicelib.edge.names import PlanName

Amount = Annotated[int, Meta(ge=1, le=10**15)] | None


class LimitBody(Wire, frozen=True):
    """One limit of a plan; it limits at least one meter."""

    subject: SubjectKind
    window: Window
    requests: Amount = None
    tokens: Amount = None
    usd_micros: Amount = None


class PlanBody(Wire, frozen=True):
    """The body of `POST /admin/plans`."""

    name: PlanName
    limits: Annotated[tuple[LimitBody, ...], Meta(max_length=9)]
    concurrent: Amount = None
    models: Annotated[tuple[str, ...], Meta(min_length=1, max_length=256)] | None = None
    shares_answers: bool | None = None
    shards: Annotated[int, Meta(ge=0, le=MOST_SHARDS)] | None = None
    hot: Annotated[tuple[SubjectKind, ...], Meta(min_length=1, max_length=3)] | None = None
    fail_open: bool | None = None
    cache: CacheRules | None = None


class PlanView(Struct, frozen=True, kw_only=True):
    """A plan."""

    name: str
    object: Literal["plan"] = "plan"
    limits: tuple[Limit, ...]
    concurrent: int | None
    models: tuple[str, ...] | None
    shares_answers: bool
    shards: int
    hot: tuple[SubjectKind, ...]
    fail_open: bool
    cache: CacheRules | None


def plan_of(body: PlanBody) -> Plan:
    """The plan that is wanted; `BadRequest` where a limit says nothing, or another says the same."""
    limits = tuple(
        Limit(each.subject, each.window, each.requests, each.tokens, each.usd_micros) for each in body.limits
    )
    seen = set()
    for place, limit in enumerate(limits):
        if all(size(limit, meter) is None for meter in METERS):
            raise BadRequest(f"A limit states at least one of {', '.join(METERS)}.", param=f"limits[{place}]")
        if (limit.subject, limit.window) in seen:
            raise BadRequest(
                f"There are two limits of the {limit.subject} per {limit.window}.", param=f"limits[{place}]"
            )
        seen.add((limit.subject, limit.window))
    return Plan(
        name=body.name,
        limits=limits,
        concurrent=body.concurrent,
        models=body.models,
        shares_answers=bool(body.shares_answers),
        shards=body.shards or 0,
        hot=body.hot or HOT,
        fail_open=bool(body.fail_open),
        cache=body.cache,
    )


def plan_view(plan: Plan) -> PlanView:
    """A plan as it is shown."""
    return PlanView(
        name=plan.name,
        limits=plan.limits,
        concurrent=plan.concurrent,
        models=plan.models,
        shares_answers=plan.shares_answers,
        shards=plan.shards,
        hot=plan.hot,
        fail_open=plan.fail_open,
        cache=plan.cache,
    )
