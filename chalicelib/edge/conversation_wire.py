"""The Conversations API as OpenAI writes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from chalice.app import Response
from msgspec import Meta, Struct

from chalicelib.domain.chat import Wire
from chalicelib.domain.conversation import Conversation, Item, ItemPart, ItemStatus, Metadata, Origin
from chalicelib.domain.errors import BadRequest
from chalicelib.domain.identity import Principal
from chalicelib.domain.items import unsigned
from chalicelib.domain.turn_ids import began
from chalicelib.edge.call import Call, convert
from chalicelib.edge.gateway import JSON
from chalicelib.edge.listing import limit_of
from chalicelib.pipeline.archive import NewItems
from chalicelib.ports import Page

MOST_ITEMS: Final = 20  # OpenAI's own limit for one call

Labels = Annotated[dict[Annotated[str, Meta(max_length=64)], Annotated[str, Meta(max_length=512)]], Meta(max_length=16)]
_ITEM: Final = {
    "anyOf": [
        {"$ref": f"#/components/schemas/{name}"}
        for name in ("MessageItem", "CallItem", "CallOutputItem", "BareMessage")
    ]
}
RawItems = Annotated[tuple[Annotated[dict[str, Any], Meta(extra_json_schema=_ITEM)], ...], Meta(max_length=MOST_ITEMS)]
Row = TypeVar("Row")


class BareMessage(Wire, frozen=True):
    """A message that leaves its `type` out, as OpenAI's may."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | tuple[ItemPart, ...]
    id: str | None = None
    status: ItemStatus | None = None
    tidegate: Origin | None = None


class Items(Wire, frozen=True):
    """Items in their closed types."""

    items: tuple[Item, ...]


class CreateBody(Wire, frozen=True):
    """The body of `POST /v1/conversations`."""

    items: RawItems | None = None
    metadata: Labels | None = None


class UpdateBody(Wire, frozen=True):
    """The body of `POST /v1/conversations/{id}`."""

    metadata: Labels | None


class ItemsBody(Wire, frozen=True):
    """The body of `POST /v1/conversations/{id}/items`."""

    items: Annotated[RawItems, Meta(min_length=1)]


class ConversationBody(Struct, frozen=True, kw_only=True):
    """A conversation."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    metadata: Metadata


class DeletedConversation(Struct, frozen=True, kw_only=True):
    """A conversation that is no more."""

    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: bool = True


class Listing(Struct, Generic[Row], frozen=True, kw_only=True):
    """One page of a list."""

    object: Literal["list"] = "list"
    data: Sequence[Row]
    first_id: str | None
    last_id: str | None
    has_more: bool


def conversation_of(call: Call, owner: Principal, body: CreateBody) -> Conversation:
    """The new conversation that a caller wants, named for the call, so that ids sort by age and a repetition has it."""
    return Conversation(f"conv_{call.turn_id}", owner.owner, began(call.turn_id), body.metadata or {})


def items_of(raw: Sequence[dict[str, Any]] | None) -> tuple[Item, ...]:
    """Items in their closed types; a message may leave its `type` out, as OpenAI's may."""
    typed = [{"type": "message", **item} if "role" in item else item for item in raw or ()]
    return tuple(map(unsigned, convert({"items": typed}, Items).items))


def new_items_of(call: Call) -> NewItems:
    """The items that a call adds."""
    return NewItems(items_of(call.body(ItemsBody).items), call.turn_id, call.now, is_again=call.is_again)


def page_of(call: Call) -> Page:
    """The page that the query asks for."""
    order = call.query_or("order", "desc")
    if order not in {"asc", "desc"}:
        raise BadRequest("'order' is 'asc' or 'desc'.", param="order")
    return Page(limit_of(call), call.query("after") or None, "asc" if order == "asc" else "desc")


def conversation_response(conversation: Conversation) -> Response:
    """One conversation."""
    return _json(_body(conversation))


def deleted_response(conversation_id: str) -> Response:
    """The word that a conversation is gone."""
    return _json(DeletedConversation(id=conversation_id))


def conversations_response(found: tuple[Sequence[Conversation], bool]) -> Response:
    """A page of conversations."""
    page, more = found
    return _listing([_body(conversation) for conversation in page], [each.id for each in page], more=more)


def items_response(found: tuple[Sequence[Item], bool]) -> Response:
    """A page of items."""
    page, more = found
    return _listing(page, [item.id or "" for item in page], more=more)


def item_response(item: Item) -> Response:
    """One item."""
    return _json(item)


def _body(conversation: Conversation) -> ConversationBody:
    return ConversationBody(id=conversation.id, created_at=conversation.created_at, metadata=conversation.metadata)


def _listing(data: Sequence[object], ids: list[str], *, more: bool) -> Response:
    first, last = (ids[0], ids[-1]) if ids else (None, None)
    return _json(Listing(data=data, first_id=first, last_id=last, has_more=more))


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value).decode(), {"Content-Type": JSON})
