"""Plans, tenants, keys and what was used, for whoever has the scope `admin`."""

from chalice.app import Blueprint, Response

from chalicelib.bootstrap import services
from chalicelib.edge import admin_wire, erasure_wire, plan_wire, trail_wire, usage_wire
from chalicelib.edge.call import Call
from chalicelib.edge.names import owner_name
from chalicelib.edge.problems import answered
from chalicelib.pipeline.work import cancel
from chalicelib.routes.once import once
from chalicelib.routes.operator import operator

views = Blueprint(__name__)


@views.route("/admin/plans", methods=["POST"], content_types=[])
@answered
@once
def put_plan(call: Call) -> Response:
    by = operator(call)
    plan = plan_wire.plan_of(call.body(plan_wire.PlanBody))
    return admin_wire.plan_response(services().plans.put(plan, by))


@views.route("/admin/plans", methods=["GET"], content_types=[])
@answered
def list_plans(call: Call) -> Response:
    operator(call)
    return admin_wire.plans_response(services().plans.list())


@views.route("/admin/plans/{name}", methods=["GET"], content_types=[])
@answered
def retrieve_plan(call: Call, name: str) -> Response:
    operator(call)
    return admin_wire.plan_response(services().plans.get(name))


@views.route("/admin/plans/{name}", methods=["DELETE"], content_types=[])
@answered
def delete_plan(call: Call, name: str) -> Response:
    by = operator(call)
    services().plans.delete(name, by)
    return admin_wire.deleted_response(name)


@views.route("/admin/tenants/{tenant}", methods=["GET"], content_types=[])
@answered
def retrieve_tenant(call: Call, tenant: str) -> Response:
    operator(call)
    return admin_wire.tenant_response(services().tenants.get(tenant))


@views.route("/admin/tenants/{tenant}", methods=["POST"], content_types=[])
@answered
@once
def update_tenant(call: Call, tenant: str) -> Response:
    by = operator(call)
    wish = admin_wire.tenant_wish_of(call.body(admin_wire.TenantBody))
    return admin_wire.tenant_response(services().tenants.update(owner_name(tenant, "tenant"), wish, by))


@views.route("/admin/keys", methods=["POST"], content_types=[])
@answered
@once
def create_key(call: Call) -> Response:
    by = operator(call)
    wish = admin_wire.new_key_of(call.body(admin_wire.KeyBody))
    return admin_wire.made_response(services().keyring.create(wish, by), call.now)


@views.route("/admin/keys", methods=["GET"], content_types=[])
@answered
def list_keys(call: Call) -> Response:
    operator(call)
    return admin_wire.keys_response(services().keyring.page(admin_wire.wanted_of(call)), call.now)


@views.route("/admin/keys/{key_id}", methods=["GET"], content_types=[])
@answered
def retrieve_key(call: Call, key_id: str) -> Response:
    operator(call)
    return admin_wire.key_response(services().keyring.get(key_id), call.now)


@views.route("/admin/keys/{key_id}", methods=["DELETE"], content_types=[])
@answered
def revoke_key(call: Call, key_id: str) -> Response:
    by = operator(call)
    revoked = services().keyring.revoke(key_id, by)
    services().reception.expel(key_id)
    return admin_wire.key_response(revoked, call.now)


@views.route("/admin/keys/{key_id}/rotate", methods=["POST"], content_types=[])
@answered
@once
def rotate_key(call: Call, key_id: str) -> Response:
    by = operator(call)
    overlap = admin_wire.overlap_of(call)
    return admin_wire.made_response(services().keyring.rotate(key_id, overlap, by), call.now)


@views.route("/admin/users/{user}", methods=["DELETE"], content_types=[])
@answered
def erase_user(call: Call, user: str) -> Response:
    by = operator(call)
    whom = erasure_wire.user_of(call, user)
    found = services().eraser.begin(*whom, lambda owner, job: cancel(owner, job, services()), by)
    return erasure_wire.erasure_response(found)


@views.route("/admin/users/{user}", methods=["GET"], content_types=[])
@answered
def retrieve_erasure(call: Call, user: str) -> Response:
    operator(call)
    return erasure_wire.erasure_response(services().eraser.get(*erasure_wire.user_of(call, user)))


@views.route("/admin/usage", methods=["GET"], content_types=[])
@answered
def list_usage(call: Call) -> Response:
    operator(call)
    wanted = admin_wire.wanted_of(call)
    found = services().keyring.page(wanted)
    return usage_wire.statement_response(
        call,
        wanted,
        found,
        services().accounts.of_page(wanted, found, call.now, with_past=usage_wire.wants_past(call)),
    )


@views.route("/admin/audit", methods=["GET"], content_types=[])
@answered
def list_events(call: Call) -> Response:
    operator(call)
    return trail_wire.events_response(services().trail.page(trail_wire.search_of(call), call.now))
