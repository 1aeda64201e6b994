"""Tenants and keys as administrators read and write them, and the answers about plans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Generic, Literal, TypeVar

import msgspec
from chalice.app import Response
from msgspec import UNSET, Meta, Struct, UnsetType

from chalicelib.domain.budget import Plan
from chalicelib.domain.chat import Wire
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Key, KeyState, Scope, state_of
from chalicelib.domain.keys import Found, Made, NewKey, Wanted
from chalicelib.domain.trail import END_OF_TIME
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON, SecretResponse
from chalicelib.edge.listing import limit_of
from chalicelib.edge.names import Owner, PlanName, owner_name
from chalicelib.edge.plan_wire import plan_view
from chalicelib.pipeline.tenants import Changed, HookWish, TenantWish

DEFAULT_PLAN: Final = "standard"
MOST_OVERLAP_SECONDS: Final = 86_400
OVERLAP_SECONDS: Final = 3_600

Row = TypeVar("Row")
Moment = Annotated[int, Meta(ge=0, le=END_OF_TIME)] | None
Overlap = Annotated[int, Meta(ge=0, le=MOST_OVERLAP_SECONDS)] | None


class HookBody(Wire, frozen=True):
    """Where a tenant is told that work is over."""

    url: str
    rotate: bool | None = None


class TenantBody(Wire, frozen=True):
    """The body of `POST /admin/tenants/{tenant}`: what is left out stays as it is."""

    plan: PlanName | UnsetType | None = UNSET
    webhook: HookBody | UnsetType | None = UNSET


class KeyBody(Wire, frozen=True):
    """The body of `POST /admin/keys`."""

    tenant: Owner
    user: Owner
    plan: PlanName | None = None
    scopes: Annotated[frozenset[Scope], Meta(min_length=1)] | None = None
    name: Annotated[str, Meta(max_length=200)] | None = None
    expires_at: Moment = None


class RotateBody(Wire, frozen=True):
    """The body of `POST /admin/keys/{key_id}/rotate`, which may be left out."""

    overlap_seconds: Overlap = None


class KeyView(Struct, frozen=True, kw_only=True):
    """A key as it is shown: without its digest."""

    id: str
    object: Literal["key"] = "key"
    key: str | msgspec.UnsetType = msgspec.UNSET
    tenant: str
    user: str
    plan: str
    scopes: Sequence[Scope]
    name: str
    status: KeyState
    created_at: int
    expires_at: int | None
    revoked_at: int | None


class HookView(Struct, frozen=True):
    """A webhook; its secret is told once."""

    url: str
    secret: str | UnsetType = UNSET


class TenantView(Struct, frozen=True, kw_only=True):
    """A tenant."""

    tenant: str
    object: Literal["tenant"] = "tenant"
    plan: str | None
    webhook: HookView | None


class DeletedPlan(Struct, frozen=True, kw_only=True):
    """A plan that is no more."""

    name: str
    object: Literal["plan.deleted"] = "plan.deleted"
    deleted: bool = True


class Listing(Struct, Generic[Row], frozen=True, kw_only=True):
    """A list, or one page of it; `next` is the `after` of the next page."""

    object: Literal["list"] = "list"
    data: Sequence[Row]
    has_more: bool = False
    next: str | None = None


def new_key_of(body: KeyBody) -> NewKey:
    """The key that is wanted."""
    return NewKey(
        tenant=body.tenant,
        user=body.user,
        plan=body.plan or DEFAULT_PLAN,
        scopes=body.scopes or frozenset({"chat"}),
        name=body.name or "",
        expires_at=body.expires_at,
    )


def tenant_wish_of(body: TenantBody) -> TenantWish:
    """What is to change of a tenant: something."""
    if body.plan is UNSET and body.webhook is UNSET:
        words = "Missing required parameter: 'plan' or 'webhook'."
        raise BadRequest(words, param="plan", code="missing_required_parameter")
    hook = body.webhook
    wish = HookWish(hook.url, rotate=bool(hook.rotate)) if isinstance(hook, HookBody) else hook
    return TenantWish(body.plan, wish)


def overlap_of(call: Call) -> int:
    """How long a key that is rotated stays good, in seconds."""
    wanted = call.body(RotateBody).overlap_seconds if call.has_body else None
    return OVERLAP_SECONDS if wanted is None else wanted


def wanted_of(call: Call) -> Wanted:
    """The page of keys that the query asks for."""
    tenant, user = call.query("tenant"), call.query("user")
    if tenant is None:
        raise BadRequest("Missing required parameter: 'tenant'.", param="tenant", code="missing_required_parameter")
    return Wanted(
        tenant=owner_name(tenant, "tenant"),
        user=None if user is None else owner_name(user, "user"),
        after=call.query("after") or None,
        limit=limit_of(call),
    )


def plan_response(plan: Plan) -> Response:
    """One plan."""
    return _json(plan_view(plan))


def plans_response(plans: Sequence[Plan]) -> Response:
    """All plans."""
    return _json(Listing(data=[plan_view(plan) for plan in plans]))


def deleted_response(name: str) -> Response:
    """The word that a plan is gone."""
    return _json(DeletedPlan(name=name))


def tenant_response(found: Changed) -> Response:
    """One tenant, with a secret that was made for it just now."""
    record, hook = found.record, found.record.webhook
    shown = HookView(hook.url, found.secret.text if found.secret else UNSET) if hook else None
    view = TenantView(tenant=record.tenant, plan=record.plan, webhook=shown)
    return _json(view, SecretResponse if found.secret else Response)


def made_response(made: Made, now: float) -> Response:
    """A new key with its token: the only time that it is shown."""
    return _json(msgspec.structs.replace(key_view(made.key, now), key=made.token), SecretResponse)


def key_response(key: Key, now: float) -> Response:
    """One key."""
    return _json(key_view(key, now))


def keys_response(found: Found, now: float) -> Response:
    """A page of keys."""
    data = [key_view(key, now) for key in found.keys]
    return _json(Listing(data=data, has_more=found.next is not None, next=found.next))


def key_view(key: Key, now: float) -> KeyView:
    """What is shown of a key."""
    return KeyView(
        id=key.key_id,
        tenant=key.tenant,
        user=key.user,
        plan=key.plan,
        scopes=sorted(key.scopes),
        name=key.name,
        status=state_of(key, now),
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
    )


def _json(value: object, kind: type[Response] = Response) -> Response:
    return kind(msgspec.json.encode(value).decode(), {"Content-Type": JSON})
