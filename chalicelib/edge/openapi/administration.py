"""The operations of administrators."""

from __future__ import annotations

from functools import partial
from typing import Final

from chalicelib.domain.trail import END_OF_TIME
from chalicelib.edge import admin_wire, cache_wire, erasure_wire, plan_wire, trail_wire, usage_wire
from chalicelib.edge.names import MOST_CHARACTERS, OWNER
from chalicelib.edge.openapi.operation import AFTER, CSV, HISTORY, LIMIT, Json, Operation, Query

_NAME: Final[Json] = {"type": "string", "minLength": 1, "maxLength": MOST_CHARACTERS, "pattern": OWNER}
_TENANT: Final = Query("tenant", _NAME, required=True)
_KEYS: Final = (_TENANT, Query("user", _NAME), LIMIT, AFTER)
_OUTCOME: Final = Query("outcome", {"enum": sorted(cache_wire.OUTCOMES)})
_DECISIONS: Final = (*_KEYS, Query("model", {"type": "string"}), _OUTCOME)
_ACTION: Final = Query("action", {"enum": sorted(trail_wire.ACTIONS)})
_SECOND: Final[Json] = {"type": "integer", "minimum": 0, "maximum": END_OF_TIME}
_TIMES: Final = (Query("since", _SECOND), Query("before", _SECOND))
_EVENTS: Final = (Query("tenant", _NAME), Query("user", _NAME), _ACTION, *_TIMES, LIMIT, AFTER)

_admin = partial(Operation, scope="admin")

PLANS: Final = (
    _admin("put_plan", "POST /admin/plans", "Make or change a plan", plan_wire.PlanView, plan_wire.PlanBody),
    _admin("list_plans", "GET /admin/plans", "List the plans", admin_wire.Listing[plan_wire.PlanView]),
    _admin("retrieve_plan", "GET /admin/plans/{name}", "Tell a plan", plan_wire.PlanView),
    _admin(
        "delete_plan",
        "DELETE /admin/plans/{name}",
        "Delete a plan that nobody has",
        admin_wire.DeletedPlan,
        may_conflict=True,
    ),
)

TENANTS: Final = (
    _admin("retrieve_tenant", "GET /admin/tenants/{tenant}", "Tell of a tenant", admin_wire.TenantView),
    _admin(
        "update_tenant",
        "POST /admin/tenants/{tenant}",
        "Set the plan or the webhook of a tenant",
        admin_wire.TenantView,
        admin_wire.TenantBody,
    ),
)

KEYS: Final = (
    _admin("create_key", "POST /admin/keys", "Make a key", admin_wire.KeyView, admin_wire.KeyBody),
    _admin("list_keys", "GET /admin/keys", "List keys", admin_wire.Listing[admin_wire.KeyView], query=_KEYS),
    _admin("retrieve_key", "GET /admin/keys/{key_id}", "Tell of a key", admin_wire.KeyView),
    _admin("revoke_key", "DELETE /admin/keys/{key_id}", "Revoke a key", admin_wire.KeyView),
    _admin(
        "rotate_key",
        "POST /admin/keys/{key_id}/rotate",
        "Make a key that takes the place of another",
        admin_wire.KeyView,
        admin_wire.RotateBody,
        may_be_empty=True,
    ),
    _admin(
        "list_usage",
        "GET /admin/usage",
        "Tell what a tenant used",
        usage_wire.StatementView,
        query=(*_KEYS, HISTORY),
        as_well=(CSV,),
    ),
)

USERS: Final = (
    _admin("erase_user", "DELETE /admin/users/{user}", "Erase a user", erasure_wire.ErasureView, query=(_TENANT,)),
    _admin(
        "retrieve_erasure",
        "GET /admin/users/{user}",
        "Tell how far the erasure of a user is",
        erasure_wire.ErasureView,
        query=(_TENANT,),
    ),
)

CACHE: Final = (
    _admin("retrieve_cache", "GET /admin/cache", "Tell how the cache fares", cache_wire.StateView, query=_KEYS[:1]),
    _admin(
        "list_decisions",
        "GET /admin/cache/decisions",
        "Tell what the cache decided, and why",
        admin_wire.Listing[cache_wire.DecisionView],
        query=_DECISIONS,
    ),
    _admin(
        "purge_cache",
        "POST /admin/cache/purge",
        "Forget cached answers",
        cache_wire.PurgeView,
        cache_wire.PurgeBody,
    ),
)

AUDIT: Final = (
    _admin(
        "list_events",
        "GET /admin/audit",
        "Tell who changed what",
        admin_wire.Listing[trail_wire.EventView],
        query=_EVENTS,
    ),
)

ADMINISTRATION: Final = (*PLANS, *TENANTS, *KEYS, *USERS, *CACHE, *AUDIT)
