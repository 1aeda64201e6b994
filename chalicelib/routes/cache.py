"""Why the cache answered as it did, for whoever has the scope `admin`; and a user's word on an answer."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import services
from chalicelib.edge import cache_wire as wire
from chalicelib.edge.call import Call
from chalicelib.edge.problems import answered
from chalicelib.routes.once import once
from chalicelib.routes.operator import operator

views = Blueprint(__name__)


@views.route("/v1/cache/feedback", methods=["POST"], content_types=[])
@answered
@once
def give_feedback(call: Call) -> Response:
    word = wire.word_of(call.body(wire.FeedbackBody))
    owner = services().gate.principal(call.credential, call.now, "chat")
    return wire.feedback_response(services().review.feedback(owner, word, call_id=call.turn_id, now=call.now))


@views.route("/admin/cache", methods=["GET"], content_types=[])
@answered
def retrieve_cache(call: Call) -> Response:
    operator(call)
    return wire.state_response(services().review.state(wire.tenant_of(call)))


@views.route("/admin/cache/decisions", methods=["GET"], content_types=[])
@answered
def list_decisions(call: Call) -> Response:
    operator(call)
    return wire.decisions_response(services().review.page(wire.search_of(call)))


@views.route("/admin/cache/purge", methods=["POST"], content_types=[])
@answered
@once
def purge_cache(call: Call) -> Response:
    by = operator(call)
    body = call.body(wire.PurgeBody)
    purge = wire.purge_of(body, call.now)
    return wire.purge_response(body, services().review.purge(purge, (body.tenant, body.user), by))
