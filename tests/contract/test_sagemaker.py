"""What goes to SageMaker is what botocore would send; what an endpoint does to an answer has a meaning."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.serialize import create_serializer
from botocore.validate import validate_parameters
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.models import sagemaker_runtime
from chalicelib.adapters.models.sagemaker import open_sagemaker
from chalicelib.bootstrap.targets import Targets
from chalicelib.domain.catalogue import Catalogue, Model, Prices, Target
from chalicelib.domain.chat import ChatRequest, FunctionSpec, JsonFormat, Options, System, Tool, Usage, User
from chalicelib.domain.errors import ModelGarbled, ModelNotReady, ModelTimeout, ModelUnavailable
from chalicelib.settings import Settings
from tests.upstreams import openai_server
from tests.upstreams.sagemaker_server import Reply, SageMakerServer
from tests.upstreams.targets import KEY, ask, put_together, sagemaker_at

SERVICE = botocore.session.get_session().get_service_model("sagemaker-runtime")
OPERATIONS = {
    "invocations": "InvokeEndpoint",
    "invocations-response-stream": "InvokeEndpointWithResponseStream",
}
LONG_MS = 30_000
NO_COPY = {"Message": "Inference Component has no capacity to process this request. ApplicationAutoScaling may be …"}

texts = st.text(max_size=20)
requests = st.builds(
    ChatRequest,
    st.just("m"),
    st.lists(st.builds(System, texts) | st.builds(User, texts), min_size=1, max_size=4).map(tuple),
    st.integers(1, 10_000),
    st.builds(
        Options,
        temperature=st.none() | st.floats(0, 2),
        stop=st.lists(texts, max_size=2).map(tuple),
        response_format=st.none() | st.just(JsonFormat()),
        tools=st.just(()) | st.just((Tool(FunctionSpec("bare")),)),
    ),
)


class Now:
    """A clock that stands until it is put forward."""

    def __init__(self):
        self.seconds = 1_800_000_000.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def server():
    with SageMakerServer() as server:
        yield server


@pytest.fixture
def opened(server, monkeypatch):
    def opened(more="", clock=Now()):  # noqa: B008  each test has the server, not the clock, to itself
        return open_sagemaker(sagemaker_at(server, monkeypatch, more), clock=clock)

    return opened


@pytest.fixture
def model(opened):
    return opened()


@pytest.fixture
def models(opened):
    """By whether the URI says which variant, and which model and field for the cap."""
    return {
        (variant, named): opened(
            ("&variant=blue" if variant else "") + ("&model=llama&cap=max_completion_tokens" if named else "")
        )
        for variant in (False, True)
        for named in (False, True)
    }


@given(request=requests, streamed=st.booleans(), variant=st.booleans(), named=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, phases=[Phase.generate])
def test_every_request_is_the_one_that_botocore_would_send(models, server, request, streamed, variant, named):
    model = models[variant, named]

    list(model.stream(request)) if streamed else model.complete(request)

    sent = server.requests[-1]
    operation = SERVICE.operation_model(OPERATIONS[sent.path.rpartition("/")[2]])
    arguments = {
        "EndpointName": "Llama-4",
        "InferenceComponentName": "copy-1",
        "ContentType": "application/json",
        "Body": sent.raw,
        **({"TargetVariant": "blue"} if variant else {}),
    }
    validate_parameters(arguments, operation.input_shape)
    expected = create_serializer("rest-json").serialize_to_request(arguments, operation)
    assert sent.path == expected["url_path"]
    assert {name.lower(): value for name, value in expected["headers"].items()}.items() <= sent.headers.items()
    assert sent.body.get("model") == ("llama" if named else None)
    assert sent.body["max_completion_tokens" if named else "max_tokens"] == request.max_output_tokens
    assert sent.body.get("stream", False) is streamed
    assert len(sent.raw) < operation.input_shape.members["Body"].metadata["max"]


def test_a_request_is_signed_for_sagemaker(model, server):
    model.complete(ask(User("Łódź")))

    (sent,) = server.requests
    names = sent.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    again = AWSRequest("POST", server.url + sent.path, {name: sent.headers[name] for name in names}, sent.raw)
    again.context["timestamp"] = sent.headers["x-amz-date"]
    signer = SigV4Auth(Credentials(KEY, KEY), "sagemaker", "us-west-2")
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert sent.headers["authorization"].endswith(f"Signature={signature}")
    assert {"host", "x-amz-date", "x-amzn-sagemaker-inference-component"} <= set(names)
    assert dt.datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")  # noqa: DTZ007  parsed, not kept


def test_the_endpoint_as_a_whole_is_asked_where_no_component_is_named(server, monkeypatch):
    uri = sagemaker_at(server, monkeypatch).replace("/copy-1", "")

    open_sagemaker(uri).complete(ask(User("hello")))

    assert "x-amzn-sagemaker-inference-component" not in server.requests[0].headers


def test_the_product_opens_what_a_catalogue_names(server, monkeypatch):
    targets = Targets(Settings())
    prices = Prices(input=1, output=1)
    catalogue = Catalogue(
        (
            Model("llama", (Target(sagemaker_at(server, monkeypatch)),), max_output_tokens=100, prices=prices),
            Model("small", (Target(sagemaker_at(server, monkeypatch, "&model=s")),), dimensions=64, prices=prices),
        )
    )

    assert targets.faults(catalogue) == []
    assert server.requests == []

    chat, embedder = (model.targets[0].uri for model in catalogue.models)
    assert targets.chat(chat).complete(ask(User("hello"))).text == "Echo: hello"
    assert targets.embedder(embedder).embed(["hello"], None).input_tokens == 1


def test_a_connection_is_kept_for_the_next_call(model, server):
    for _ in range(3):
        model.complete(ask(User("hello")))
        list(model.stream(ask(User("hello"))))
        server.replies.append(Reply(bare=True))
        list(model.stream(ask(User("hello"))))

    assert server.connections == 1


@pytest.mark.parametrize("reply", [{"part": 1}, {"part": 3, "piece": 2}, {"piece": 1}, {"part": 10**6}])
@pytest.mark.parametrize("bare", [False, True])
def test_a_stream_may_be_cut_anywhere(model, server, reply, bare):
    server.replies.append(Reply(bare=bare, **reply))

    said = put_together(model.stream(ask(User("Łódź 😀"))))

    assert said.text == "Echo: Łódź 😀"
    assert said.finish_reason == "stop"
    assert said.usage.output_tokens == 3


def test_a_last_line_needs_no_end(model, server):
    server.replies.append(Reply(body=b'{"choices": [{"delta": {"content": "hi"}, "finish_reason": "length"}]}'))

    assert put_together(model.stream(ask(User("x")))).finish_reason == "length"


@pytest.mark.parametrize("streamed", [False, True])
def test_an_endpoint_without_a_copy_is_not_ready(model, server, streamed):
    server.replies.append(Reply(status=400, error="ValidationError", fields=NO_COPY))

    with pytest.raises(ModelNotReady) as raised:
        next(model.stream(ask(User("x")))) if streamed else model.complete(ask(User("x")))

    assert not raised.value.burned


@pytest.mark.parametrize(
    ("error", "fields", "kind"),
    [
        ("ModelStreamError", {"ErrorCode": "ModelInvocationTimeExceeded"}, ModelTimeout),
        ("ModelStreamError", {"ErrorCode": "StreamBroken"}, ModelUnavailable),
        ("InternalStreamFailure", {}, ModelUnavailable),
    ],
)
def test_a_failure_in_the_middle_comes_after_the_pieces(model, server, error, fields, kind):
    server.replies.append(Reply(error=error, fields=fields, error_after=3))
    pieces = []

    with pytest.raises(kind):
        pieces.extend(model.stream(ask(User("some words to lose"))))

    assert "".join(piece.text for piece in pieces) == "Echo: some "


def test_a_container_that_counts_nothing_has_no_usage(model, server):
    server.replies += [Reply(said=openai_server.Reply(usage=False))] * 2

    assert model.complete(ask(User("hello"))).usage == Usage()
    assert put_together(model.stream(ask(User("hello")))).usage is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xc5", b"[1]", b'{"choices": [{"message": {"content": "\xc5"}}]}'])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_answer_is_garbled(model, server, body, streamed):
    server.replies.append(Reply(body=body))

    with pytest.raises(ModelGarbled) as raised:
        list(model.stream(ask(User("x")))) if streamed else model.complete(ask(User("x")))

    assert raised.value.burned


def test_a_container_that_does_not_stream_is_garbled_and_not_silent(model, server):
    whole = b'{"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}'
    server.replies.append(Reply(body=whole))

    with pytest.raises(ModelGarbled):
        list(model.stream(ask(User("x"))))


def test_an_answer_that_breaks_off_is_no_answer(model, server):
    server.replies.append(Reply(cut_after=1))

    with pytest.raises(ModelGarbled):
        model.complete(ask(User("hello")))


def test_a_stream_that_breaks_off_before_it_said_anything_has_burned_tokens(model, server):
    server.replies.append(Reply(cut_after=1))

    with pytest.raises(ModelGarbled):
        next(model.stream(ask(User("hello"))))


def test_an_answer_without_end_is_given_up(model, server, monkeypatch):
    monkeypatch.setattr(sagemaker_runtime, "_LARGEST_ANSWER", 1_000)
    monkeypatch.setattr(sagemaker_runtime, "_LARGEST_STREAM", 1_000)
    monkeypatch.setattr(sagemaker_runtime, "_LARGEST_LINE", 500)
    server.replies += [Reply(said=openai_server.Reply(text="word " * 500))] * 2
    server.replies.append(Reply(body=b"data: " + b"x" * 600))

    with pytest.raises(ModelGarbled):
        model.complete(ask(User("x")))
    for _ in range(2):
        with pytest.raises(ModelGarbled):
            list(model.stream(ask(User("x"))))


def test_a_stream_that_trickles_ends_at_its_limit(opened, server):
    now = Now()
    stream = opened("&longest_ms=60000", now).stream(ask(User("some words")))
    next(stream)

    now.seconds += 61

    with pytest.raises(ModelTimeout):
        list(stream)


def test_a_whole_answer_that_trickles_ends_at_its_limit(opened, server):
    ticks = Now()

    def ticking():
        ticks.seconds += 10
        return ticks.seconds

    with pytest.raises(ModelTimeout):
        opened("&longest_ms=20000", ticking).complete(ask(User("some words")))


def test_patience_is_for_the_first_piece_alone(opened, server):
    now = Now()
    stream = opened(clock=now).stream(ask(User("some words")), 5)
    first = next(stream)

    now.seconds += 100

    assert first.text + "".join(piece.text for piece in stream) == "Echo: some words"


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("begun", [False, True])
def test_the_router_s_patience_ends_a_call_before_the_target_s_own_limits(server, monkeypatch, streamed, begun):
    uri = sagemaker_at(server, monkeypatch).replace("read_ms=3000", f"read_ms={LONG_MS}&connect_ms={LONG_MS}")
    server.replies.append(Reply(body=b": still thinking\n\n", part=9, hang_after=int(begun)))
    model = open_sagemaker(uri)

    def call():
        return next(model.stream(ask(User("x")), 0.3)) if streamed else model.complete(ask(User("x")), 0.3)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(call)
        left = server.hung_up.acquire(timeout=15)

    assert left
    assert isinstance(asked.exception(), ModelTimeout)


def test_a_server_that_is_not_there_is_unavailable(monkeypatch):
    with SageMakerServer() as gone:
        uri = sagemaker_at(gone, monkeypatch)

    with pytest.raises(ModelUnavailable):
        open_sagemaker(uri).complete(ask(User("hello")))


def test_without_credentials_the_endpoint_is_unavailable(server, monkeypatch):
    uri = sagemaker_at(server, monkeypatch)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")

    with pytest.raises(ModelUnavailable, match="credentials"):
        open_sagemaker(uri).complete(ask(User("hello")))

    assert server.requests == []
