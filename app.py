"""Tidegate: every entry point, in the order in which a request meets them; `chalicelib/routes` has those of no turn."""

from chalice.app import CloudWatchEvent, Request, Response, SQSEvent, WebsocketEvent

from chalicelib.bootstrap import queue, refitter, services, sweeper
from chalicelib.edge import batch, chat_reply, chat_request, model_wire, sockets, status_wire, usage_wire
from chalicelib.edge.call import Call
from chalicelib.edge.door import entered, open_to_pages
from chalicelib.edge.gateway import Gateway
from chalicelib.edge.homeward import Answer, homeward
from chalicelib.edge.problems import answered
from chalicelib.edge.telemetry import log_refit, log_sweep
from chalicelib.pipeline import embed, turn, work
from chalicelib.routes import admin, cache, conversations, jobs, pages, responses
from chalicelib.routes.once import once
from chalicelib.routes.operator import operator

app = Gateway("tidegate", configure_logs=False)
app.register_blueprint(conversations.views)
app.register_blueprint(responses.views)
app.register_blueprint(jobs.views)
app.register_blueprint(admin.views)
app.register_blueprint(cache.views)
app.register_blueprint(pages.views)
app.experimental_feature_flags.add("WEBSOCKETS")


@app.middleware("http")
def enter(request: Request, answer: Answer) -> Response:
    return entered(request, answer, services)


@app.middleware("http")
def go_home(request: Request, answer: Answer) -> Response:
    return homeward(request, answer, services)


@app.route("/health", methods=["GET"], content_types=[])
@answered
def health(call: Call) -> Response:
    if call.query("deep") not in {"1", "true"}:
        return status_wire.alive()
    operator(call)
    return status_wire.checked(services().health.check(), services().health.targets())


@app.route("/openapi.json", methods=["GET"], content_types=[])
@answered
def describe(_: Call) -> Response:
    from chalicelib.edge.openapi.document import openapi_response  # a cold start has no use for it

    return openapi_response()


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
@once
def create_chat_completion(call: Call) -> Response:
    body, ask = chat_request.read(call)
    if body.streamed:
        return chat_reply.streamed(turn.stream(ask, services()), with_usage=body.with_usage)
    return chat_reply.whole(turn.answer(ask, services()))


@app.route("/v1/embeddings", methods=["POST"], content_types=[])
@answered
@once
def create_embedding(call: Call) -> Response:
    body = call.body(model_wire.EmbedBody)
    return model_wire.embed_response(embed.embed(model_wire.embed_ask_of(call, body), services()), body)


@app.route("/v1/usage", methods=["GET"], content_types=[])
@answered
def retrieve_usage(call: Call) -> Response:
    caller = services().gate.caller(call.credential, turn_id=call.turn_id, now=call.now)
    own = services().accounts.own(caller, with_past=usage_wire.wants_past(call))
    return usage_wire.usage_response(call, caller, own)


open_to_pages(app)


@app.lambda_function(name="stream")
def stream(event: dict[str, object], context: object) -> dict[str, object]:
    """The same routes again, for the function that `chalicelib/runtime` can stream from."""
    return app(event, context)


@app.on_sqs_message(queue(), batch_size=10, name="work")
def work_off(event: SQSEvent) -> batch.Failures:
    return batch.worked(event.to_dict(), work.complete, services())


@app.on_ws_connect()
def open_connection(event: WebsocketEvent) -> sockets.Answer:
    return sockets.opened(event.to_dict(), services())


@app.on_ws_message()
def hear_connection(event: WebsocketEvent) -> None:
    sockets.spoken(event.to_dict(), services())


@app.on_ws_disconnect()
def close_connection(event: WebsocketEvent) -> None:
    sockets.left(event.to_dict(), services())


@app.schedule("rate(1 minute)", name="sweep")
def sweep_leases(_: CloudWatchEvent) -> None:
    log_sweep(sweeper().run())


@app.schedule("rate(10 minutes)", name="refit")
def refit_cache(_: CloudWatchEvent) -> None:
    log_refit(refitter().run())
