"""Jobs, as whoever they are done for sees them."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import services
from chalicelib.edge.call import Call
from chalicelib.edge.job_wire import job_response
from chalicelib.edge.problems import answered
from chalicelib.pipeline import work

views = Blueprint(__name__)


@views.route("/v1/jobs/{job_id}", methods=["GET"], content_types=[])
@answered
def retrieve_job(call: Call, job_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return job_response(services().lane.find(owner, job_id))


@views.route("/v1/jobs/{job_id}", methods=["DELETE"], content_types=[])
@answered
def cancel_job(call: Call, job_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return job_response(work.cancel(owner, job_id, services()))
