"""Erasures of users as administrators see them."""

from __future__ import annotations

from typing import Literal

import msgspec
from chalice.app import Response
from msgspec import Struct

from chalicelib.domain.erasure import Erasure, ErasureStatus
from chalicelib.domain.errors import BadRequest
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON
from chalicelib.edge.names import owner_name


class ErasureView(Struct, frozen=True, kw_only=True):
    """How far the erasure of a user is."""

    tenant: str
    user: str
    object: Literal["erasure"] = "erasure"
    status: ErasureStatus
    counts: dict[str, int]
    started_at: int
    finished_at: int | None


def user_of(call: Call, user: str) -> tuple[str, str]:
    """The tenant of the query, and its user of the path."""
    tenant = call.query("tenant")
    if tenant is None:
        raise BadRequest("Missing required parameter: 'tenant'.", param="tenant", code="missing_required_parameter")
    return owner_name(tenant, "tenant"), owner_name(user, "user")


def erasure_response(found: Erasure) -> Response:
    """Where an erasure stands."""
    view = ErasureView(
        tenant=found.tenant,
        user=found.user,
        status=found.status,
        counts=found.counts,
        started_at=found.started_at,
        finished_at=found.finished_at,
    )
    return Response(msgspec.json.encode(view).decode(), {"Content-Type": JSON})
