"""Responses: a turn each, kept so that it can be read again and continued."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import services
from chalicelib.edge import responses_events as events
from chalicelib.edge import responses_reply as reply
from chalicelib.edge import responses_request as request
from chalicelib.edge.call import Call
from chalicelib.edge.conversation_wire import page_of
from chalicelib.edge.problems import answered
from chalicelib.pipeline import responses
from chalicelib.routes.once import once

views = Blueprint(__name__)


@views.route("/v1/responses", methods=["POST"], content_types=[])
@answered
@once
def create_response(call: Call) -> Response:
    body, wish = request.read(call)
    if body.streamed:
        return events.streamed(responses.stream(wish, services()))
    return reply.whole(responses.create(wish, services()))


@views.route("/v1/responses/{response_id}", methods=["GET"], content_types=[])
@answered
def retrieve_response(call: Call, response_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    if request.streams(call):
        return events.streamed(responses.follow(owner, response_id, services(), call.now), request.starting_after(call))
    return reply.retrieved(responses.retrieve(owner, response_id, services(), call.now))


@views.route("/v1/responses/{response_id}", methods=["DELETE"], content_types=[])
@answered
def delete_response(call: Call, response_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    responses.delete(owner, response_id, services(), call.now)
    return reply.deleted(response_id)


@views.route("/v1/responses/{response_id}/cancel", methods=["POST"], content_types=[])
@answered
@once
def cancel_response(call: Call, response_id: str) -> Response:
    request.nothing(call)
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return reply.retrieved(responses.cancel(owner, response_id, services(), call.now))


@views.route("/v1/responses/{response_id}/input_items", methods=["GET"], content_types=[])
@answered
def list_input_items(call: Call, response_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    page = page_of(call)
    return reply.items_response(responses.input_items(services().threads.get(owner, response_id, call.now), page))
