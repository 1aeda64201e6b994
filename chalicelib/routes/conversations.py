"""Conversations and their items, as their owner sees them."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import services
from chalicelib.edge import conversation_wire as wire
from chalicelib.edge.call import Call
from chalicelib.edge.problems import answered
from chalicelib.routes.once import once

views = Blueprint(__name__)


@views.route("/v1/conversations", methods=["POST"], content_types=[])
@answered
@once
def create_conversation(call: Call) -> Response:
    body = call.body(wire.CreateBody)
    owner = services().gate.principal(call.credential, call.now, "chat")
    new = wire.conversation_of(call, owner, body)
    return wire.conversation_response(services().archive.create(new, wire.items_of(body.items), turn_id=call.turn_id))


@views.route("/v1/conversations", methods=["GET"], content_types=[])
@answered
def list_conversations(call: Call) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversations_response(services().archive.list(owner, wire.page_of(call)))


@views.route("/v1/conversations/{conversation_id}", methods=["GET"], content_types=[])
@answered
def retrieve_conversation(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.get(owner, conversation_id))


@views.route("/v1/conversations/{conversation_id}", methods=["POST"], content_types=[])
@answered
@once
def update_conversation(call: Call, conversation_id: str) -> Response:
    metadata = call.body(wire.UpdateBody).metadata or {}
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.update(owner, conversation_id, metadata))


@views.route("/v1/conversations/{conversation_id}", methods=["DELETE"], content_types=[])
@answered
def delete_conversation(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    services().archive.delete(owner, conversation_id)
    return wire.deleted_response(conversation_id)


@views.route("/v1/conversations/{conversation_id}/items", methods=["POST"], content_types=[])
@answered
@once
def create_items(call: Call, conversation_id: str) -> Response:
    new = wire.new_items_of(call)
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    added = services().archive.add_items(owner, conversation_id, new)
    return wire.items_response((added, False))


@views.route("/v1/conversations/{conversation_id}/items", methods=["GET"], content_types=[])
@answered
def list_items(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    page = wire.page_of(call)
    return wire.items_response(services().archive.items(owner, conversation_id, page, now=call.now))


@views.route("/v1/conversations/{conversation_id}/items/{item_id}", methods=["GET"], content_types=[])
@answered
def retrieve_item(call: Call, conversation_id: str, item_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.item_response(services().archive.item(owner, conversation_id, item_id, now=call.now))


@views.route("/v1/conversations/{conversation_id}/items/{item_id}", methods=["DELETE"], content_types=[])
@answered
def delete_item(call: Call, conversation_id: str, item_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.remove_item(owner, conversation_id, item_id))
