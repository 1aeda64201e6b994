"""The audit trail as administrators see it, and what it is told of a call."""

from __future__ import annotations

import re
import secrets
from typing import Final, Literal, get_args

import msgspec
from chalice.app import Response
from msgspec import Struct

from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Principal
from chalicelib.domain.trail import END_OF_TIME, Action, Actor, By, Changes, Event, Found, Outcome, Search
from chalicelib.domain.turn_ids import RANDOM_BYTES, turn_id
from chalicelib.edge.admin_wire import Listing
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON
from chalicelib.edge.listing import limit_of
from chalicelib.edge.names import owner_name

ACTIONS: Final[dict[str, Action]] = {action: action for action in get_args(Action)}

_SECOND: Final = re.compile("[0-9]{1,12}")


class ActorView(Struct, frozen=True):
    """The key that acted, and whose it is; all null where somebody did it who has rights in the account."""

    key: str | None = None
    tenant: str | None = None
    user: str | None = None


class EventView(Struct, frozen=True, kw_only=True):
    """One change, or one refused attempt."""

    id: str
    object: Literal["audit.event"] = "audit.event"
    created_at: int
    action: Action
    outcome: Outcome
    target: str
    tenant: str | None
    user: str | None
    actor: ActorView
    changes: Changes
    source: str
    request_id: str


def by_of(call: Call, principal: Principal | None = None) -> By:
    """Who does something with this call, from where, under an id that is new each time it is tried."""
    actor = None if principal is None else Actor(principal.key_id, principal.tenant, principal.user)
    return By(turn_id(call.now, secrets.token_bytes(RANDOM_BYTES)), call.now, call.source, call.request_id, actor)


def route_of(call: Call) -> str:
    """What was called, with no name that a caller chose."""
    return f"{call.origin['method']} {call.origin['route']}"


def search_of(call: Call) -> Search:
    """The page of events that the query asks for."""
    tenant, user, action = call.query("tenant"), call.query("user"), call.query("action")
    if user is not None and tenant is None:
        raise BadRequest("A 'user' is one of a 'tenant'.", param="tenant", code="missing_required_parameter")
    if action is not None and action not in ACTIONS:
        raise BadRequest(f"'action' is one of {', '.join(ACTIONS)}.", param="action")
    return Search(
        tenant=None if tenant is None else owner_name(tenant, "tenant"),
        user=None if user is None else owner_name(user, "user"),
        action=ACTIONS.get(action or ""),
        since=_second(call, "since", 0),
        before=_second(call, "before", END_OF_TIME),
        after=call.query("after") or None,
        limit=limit_of(call),
    )


def events_response(found: Found) -> Response:
    """A page of events."""
    page = Listing(data=[event_view(event) for event in found.events], has_more=found.next is not None, next=found.next)
    return Response(msgspec.json.encode(page).decode(), {"Content-Type": JSON})


def event_view(event: Event) -> EventView:
    """What is shown of an event: all of it."""
    actor = event.actor
    return EventView(
        id=event.id,
        created_at=event.at,
        action=event.action,
        outcome=event.outcome,
        target=event.object,
        tenant=event.tenant,
        user=event.user,
        actor=ActorView(actor.key_id, actor.tenant, actor.user) if actor else ActorView(),
        changes=event.changes,
        source=event.source,
        request_id=event.request_id,
    )


def _second(call: Call, name: str, otherwise: int) -> int:
    text = call.query(name)
    if text is None:
        return otherwise
    if _SECOND.fullmatch(text) is None or int(text) > END_OF_TIME:
        raise BadRequest(f"'{name}' is an epoch second.", param=name)
    return int(text)
