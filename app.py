"""Tidegate: every entry point, in the order in which a request meets them."""

from chalice.app import CloudWatchEvent, Response

from chalicelib.bootstrap import services, sweeper
from chalicelib.edge import admin_wire, chat_reply, chat_request, model_wire, plan_wire, status_wire, usage_wire
from chalicelib.edge import conversation_wire as wire
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import Gateway
from chalicelib.edge.names import owner_name
from chalicelib.edge.problems import answered
from chalicelib.edge.telemetry import log_sweep
from chalicelib.pipeline import embed, turn

app = Gateway("tidegate", configure_logs=False)


@app.route("/health", methods=["GET"], content_types=[])
@answered
def health(call: Call) -> Response:
    if call.query("deep") not in {"1", "true"}:
        return status_wire.alive()
    services().gate.principal(call.credential, call.now, "admin")
    return status_wire.checked(services().health.check())


@app.route("/v1/models", methods=["GET"], content_types=[])
@answered
def list_models(call: Call) -> Response:
    caller = services().gate.caller(call.credential, turn_id=call.turn_id, now=call.now)
    return model_wire.models_response(services().gate.catalogue.allowed(caller.plan.models))


@app.route("/v1/models/{model_id}", methods=["GET"], content_types=[])
@answered
def retrieve_model(call: Call, model_id: str) -> Response:
    caller = services().gate.caller(call.credential, turn_id=call.turn_id, now=call.now)
    return model_wire.model_response(services().gate.catalogue.find(model_id, caller.plan.models))


@app.route("/v1/chat/completions", methods=["POST"], content_types=[])
@answered
def create_chat_completion(call: Call) -> Response:
    body, ask = chat_request.read(call)
    if body.streamed:
        return chat_reply.streamed(turn.stream(ask, services()), with_usage=body.with_usage)
    return chat_reply.whole(turn.answer(ask, services()))


@app.route("/v1/embeddings", methods=["POST"], content_types=[])
@answered
def create_embedding(call: Call) -> Response:
    body = call.body(model_wire.EmbedBody)
    return model_wire.embed_response(embed.embed(model_wire.embed_ask_of(call, body), services()), body)


@app.route("/v1/conversations", methods=["POST"], content_types=[])
@answered
def create_conversation(call: Call) -> Response:
    body = call.body(wire.CreateBody)
    owner = services().gate.principal(call.credential, call.now, "chat")
    new = wire.conversation_of(call, owner, body)
    return wire.conversation_response(services().archive.create(new, wire.items_of(body.items), turn_id=call.turn_id))


@app.route("/v1/conversations", methods=["GET"], content_types=[])
@answered
def list_conversations(call: Call) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversations_response(services().archive.list(owner, wire.page_of(call)))


@app.route("/v1/conversations/{conversation_id}", methods=["GET"], content_types=[])
@answered
def retrieve_conversation(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.get(owner, conversation_id))


@app.route("/v1/conversations/{conversation_id}", methods=["POST"], content_types=[])
@answered
def update_conversation(call: Call, conversation_id: str) -> Response:
    metadata = call.body(wire.UpdateBody).metadata or {}
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.update(owner, conversation_id, metadata))


@app.route("/v1/conversations/{conversation_id}", methods=["DELETE"], content_types=[])
@answered
def delete_conversation(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    services().archive.delete(owner, conversation_id)
    return wire.deleted_response(conversation_id)


@app.route("/v1/conversations/{conversation_id}/items", methods=["POST"], content_types=[])
@answered
def create_items(call: Call, conversation_id: str) -> Response:
    items = wire.items_of(call.body(wire.ItemsBody).items)
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    added = services().archive.add_items(owner, conversation_id, items, turn_id=call.turn_id, now=call.now)
    return wire.items_response((added, False))


@app.route("/v1/conversations/{conversation_id}/items", methods=["GET"], content_types=[])
@answered
def list_items(call: Call, conversation_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    page = wire.page_of(call)
    return wire.items_response(services().archive.items(owner, conversation_id, page, now=call.now))


@app.route("/v1/conversations/{conversation_id}/items/{item_id}", methods=["GET"], content_types=[])
@answered
def retrieve_item(call: Call, conversation_id: str, item_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.item_response(services().archive.item(owner, conversation_id, item_id, now=call.now))


@app.route("/v1/conversations/{conversation_id}/items/{item_id}", methods=["DELETE"], content_types=[])
@answered
def delete_item(call: Call, conversation_id: str, item_id: str) -> Response:
    owner = services().gate.principal(call.credential, call.now, "chat").owner
    return wire.conversation_response(services().archive.remove_item(owner, conversation_id, item_id))


@app.route("/v1/usage", methods=["GET"], content_types=[])
@answered
def retrieve_usage(call: Call) -> Response:
    caller = services().gate.caller(call.credential, turn_id=call.turn_id, now=call.now)
    return usage_wire.usage_response(call, caller, services().accounts.own(caller))


@app.route("/admin/plans", methods=["POST"], content_types=[])
@answered
def put_plan(call: Call) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    plan = plan_wire.plan_of(call.body(plan_wire.PlanBody))
    return admin_wire.plan_response(services().plans.put(plan))


@app.route("/admin/plans", methods=["GET"], content_types=[])
@answered
def list_plans(call: Call) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.plans_response(services().plans.list())


@app.route("/admin/plans/{name}", methods=["GET"], content_types=[])
@answered
def retrieve_plan(call: Call, name: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.plan_response(services().plans.get(name))


@app.route("/admin/plans/{name}", methods=["DELETE"], content_types=[])
@answered
def delete_plan(call: Call, name: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    services().plans.delete(name, call.now)
    return admin_wire.deleted_response(name)


@app.route("/admin/tenants/{tenant}", methods=["GET"], content_types=[])
@answered
def retrieve_tenant(call: Call, tenant: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.tenant_response(services().plans.tenant(tenant))


@app.route("/admin/tenants/{tenant}", methods=["POST"], content_types=[])
@answered
def update_tenant(call: Call, tenant: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    plan = call.body(admin_wire.TenantBody).plan
    return admin_wire.tenant_response(services().plans.assign(owner_name(tenant, "tenant"), plan))


@app.route("/admin/keys", methods=["POST"], content_types=[])
@answered
def create_key(call: Call) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    wish = admin_wire.new_key_of(call.body(admin_wire.KeyBody))
    return admin_wire.made_response(services().keyring.create(wish, call.now), call.now)


@app.route("/admin/keys", methods=["GET"], content_types=[])
@answered
def list_keys(call: Call) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.keys_response(services().keyring.page(admin_wire.wanted_of(call)), call.now)


@app.route("/admin/keys/{key_id}", methods=["GET"], content_types=[])
@answered
def retrieve_key(call: Call, key_id: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.key_response(services().keyring.get(key_id), call.now)


@app.route("/admin/keys/{key_id}", methods=["DELETE"], content_types=[])
@answered
def revoke_key(call: Call, key_id: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    return admin_wire.key_response(services().keyring.revoke(key_id, call.now), call.now)


@app.route("/admin/keys/{key_id}/rotate", methods=["POST"], content_types=[])
@answered
def rotate_key(call: Call, key_id: str) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    overlap = admin_wire.overlap_of(call)
    return admin_wire.made_response(services().keyring.rotate(key_id, overlap, call.now), call.now)


@app.route("/admin/usage", methods=["GET"], content_types=[])
@answered
def list_usage(call: Call) -> Response:
    services().gate.principal(call.credential, call.now, "admin")
    wanted = admin_wire.wanted_of(call)
    found = services().keyring.page(wanted)
    return usage_wire.statement_response(call, wanted, found, services().accounts.of_page(wanted, found, call.now))


@app.schedule("rate(1 minute)", name="sweep")
def sweep_leases(_: CloudWatchEvent) -> None:
    log_sweep(sweeper().run())
