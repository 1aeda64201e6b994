"""What every failure of Bedrock means, and how long it is waited for."""

import io
from types import SimpleNamespace

import pytest
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from urllib3 import HTTPResponse
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as BodyTimeoutError

from chalicelib.adapters.models import bedrock_pace
from chalicelib.adapters.models.bedrock import BedrockModel, open_bedrock
from chalicelib.adapters.models.bedrock_faults import CODES
from chalicelib.adapters.models.bedrock_pace import Pace, PacedBody, paced, sender
from chalicelib.adapters.models.bedrock_request import Manner
from chalicelib.adapters.models.bedrock_runtime import BedrockRuntime, Limits, connect, model_id
from chalicelib.domain.chat import ChatRequest, User
from chalicelib.domain.errors import (
    Misconfigured,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from tests.upstreams.bedrock_shapes import EVENTS, SERVICE

SECRET = "the prompt"
REQUEST = ChatRequest("m", (User(SECRET),), 10)
START = {"messageStart": {"role": "assistant"}}
PIECE = {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}}
USAGE = {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 1, "totalTokens": 4}, "metrics": {"latencyMs": 1}}}


class Time:
    """A clock that only moves when told."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Client:
    """A client whose every call fails, or streams until it fails."""

    def __init__(self, fault=None, events=None):
        self._fault, self._events = fault, events
        self.closed = False

    def converse(self, **_):
        raise self._fault

    invoke_model = converse

    def converse_stream(self, **_):
        if self._events is None:
            raise self._fault
        return {"stream": self}

    def __iter__(self):
        yield from self._events
        if self._fault:
            raise self._fault

    def close(self):
        self.closed = True


def runtime(fault=None, events=None):
    return BedrockRuntime(Client(fault, events), Limits(), clock=Time())


def streamed(fault=None, *events):
    yield from BedrockModel(runtime(fault, events), Manner()).stream(REQUEST)


def client_error(code, message="", kind=ClientError, status=400, **headers):
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": headers}
    return kind({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Converse")


def test_every_error_of_the_service_model_has_a_row():
    operations = [SERVICE.operation_model(name) for name in ("Converse", "ConverseStream", "InvokeModel")]
    documented = {shape.name for operation in operations for shape in operation.error_shapes}
    documented |= {shape.name for shape in EVENTS.members.values() if shape.metadata.get("exception")}

    assert documented == set(CODES)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (client_error("ThrottlingException"), ModelThrottled),
        (client_error("ServiceQuotaExceededException"), ModelThrottled),
        (client_error("ModelNotReadyException"), ModelNotReady),
        (client_error("ValidationException", "Input is too long"), ModelRejected),
        (client_error("ValidationException", "The provided model identifier is invalid."), ModelUnavailable),
        (client_error("ValidationException", "The guardrail identifier does not exist."), ModelUnavailable),
        (client_error("AccessDeniedException"), ModelUnavailable),
        (client_error("UnrecognizedClientException"), ModelUnavailable),
        (client_error("ModelTimeoutException"), ModelTimeout),
        (client_error("", status=429), ModelThrottled),
        (client_error("RequestEntityTooLarge", status=413), ModelRejected),
        (client_error("", status=502), ModelUnavailable),
        (client_error("throttlingException", kind=EventStreamError), ModelThrottled),
        (client_error("modelStreamErrorException", kind=EventStreamError), ModelUnavailable),
        (ReadTimeoutError(endpoint_url="u"), ModelTimeout),
        (ConnectTimeoutError(endpoint_url="u"), ModelUnavailable),
        (EndpointConnectionError(endpoint_url="u"), ModelUnavailable),
        (NoCredentialsError(), ModelUnavailable),
        (BodyTimeoutError(None, "u", "m"), ModelTimeout),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), ModelGarbled),
        (ChecksumMismatch(1, 2), ModelGarbled),
        (UnicodeDecodeError("utf-8", b"\xc5", 0, 1, SECRET), ModelGarbled),
        (AttributeError(SECRET), ModelGarbled),
        (KeyError(SECRET), ModelGarbled),
        (ParamValidationError(report=SECRET), ModelRejected),
    ],
)
def test_the_meaning_of_each_failure(fault, expected):
    for call in (
        lambda: runtime(fault).converse({}),
        lambda: runtime(fault).invoke("m", b"{}"),
        lambda: next(streamed(fault)),
    ):
        with pytest.raises(expected) as raised:
            call()
        assert type(raised.value) is expected
        assert raised.value.__cause__ is None  # it may quote the request
        assert SECRET not in raised.value.message


def test_an_answer_that_breaks_off_has_burned_tokens():
    with pytest.raises(ModelGarbled):
        runtime(ProtocolError("broken")).converse({})
    with pytest.raises(ModelGarbled):
        list(streamed(ProtocolError("broken"), START))


@pytest.mark.parametrize("fault", [ProtocolError("broken"), client_error("throttlingException", kind=EventStreamError)])
def test_a_stream_that_begun_and_said_nothing_has_burned_tokens(fault):
    with pytest.raises(ModelGarbled):
        next(streamed(fault, START))


def test_a_stream_refused_by_its_first_event_has_burned_nothing():
    with pytest.raises(ModelThrottled):
        next(streamed(client_error("throttlingException", kind=EventStreamError), *()))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ProtocolError("broken"), ModelUnavailable),
        (BodyTimeoutError(None, "u", "m"), ModelTimeout),
        (client_error("throttlingException", kind=EventStreamError), ModelThrottled),
        (None, ModelUnavailable),
    ],
)
def test_a_stream_that_breaks_says_why_after_its_pieces(fault, expected):
    pieces = []

    with pytest.raises(expected):
        pieces.extend(streamed(fault, START, PIECE))

    assert [piece.text for piece in pieces] == ["Hi"]


def test_a_malformed_answer_still_tells_what_it_burned():
    stop = {"messageStop": {"stopReason": "malformed_tool_use"}}
    pieces = []

    with pytest.raises(ModelGarbled):
        pieces.extend(streamed(None, START, PIECE, stop, USAGE))
    with pytest.raises(ModelGarbled):
        next(streamed(None, START, stop, USAGE))

    assert pieces[-1].usage.input_tokens == 3


def test_a_stream_is_closed_however_it_ends():
    for fault in (None, ProtocolError("broken")):
        client = Client(fault, [START, PIECE])
        deltas = BedrockModel(BedrockRuntime(client, Limits(), clock=Time()), Manner()).stream(REQUEST)
        next(deltas)
        deltas.close()

        assert client.closed


@pytest.mark.parametrize(("stated", "seconds"), [("4", 4), ("999999999", 86_400), ("soon", None), ("", None)])
@pytest.mark.parametrize("code", ["ThrottlingException", "ModelNotReadyException"])
def test_when_to_come_back(code, stated, seconds):
    with pytest.raises(CODES[code][0]) as raised:
        runtime(client_error(code, **{"retry-after": stated})).converse({})

    assert raised.value.retry_after_seconds == seconds


def test_a_rejection_repeats_one_short_line():
    with pytest.raises(ModelRejected) as raised:
        runtime(client_error("ValidationException", "too\nlong " + "x" * 900)).converse({})

    assert raised.value.message.startswith("too long x")
    assert len(raised.value.message) == 400


def pace(clock, *, silence=60.0, longest=600.0, patience=None):
    return Pace(silence=silence, longest=longest, patience=patience, clock=clock)


@pytest.mark.parametrize(
    ("patience", "begun", "passed", "wait"),
    [
        (None, False, 0, 60),
        (5, False, 0, 5),
        (5, False, 3, 2),
        (5, True, 3, 60),
        (100, False, 0, 60),
        (100, False, 70, 30),
        (None, True, 590, 10),
        (5, True, 599, 1),
    ],
)
def test_the_next_bytes_may_take_what_every_limit_leaves(patience, begun, passed, wait):
    clock = Time()
    limits = pace(clock, patience=patience)
    clock.now += passed
    if begun:
        limits.begun()

    assert limits.wait() == wait


@pytest.mark.parametrize(("patience", "begun", "passed"), [(5, False, 5), (None, True, 600), (5, True, 601)])
def test_no_time_left_is_a_timeout(patience, begun, passed):
    clock = Time()
    limits = pace(clock, patience=patience)
    clock.now += passed
    if begun:
        limits.begun()

    with pytest.raises(ModelTimeout):
        limits.wait()


class Slow(Client):
    """A client whose stream takes a minute for each event, as its pace allows."""

    def __init__(self, clock, *events):
        super().__init__()
        self._clock, self._events = clock, events

    def converse_stream(self, **_):
        self._pace = bedrock_pace._PACE.get()
        return {"stream": self}

    def __iter__(self):
        for event in self._events:
            self._pace.wait()
            self._clock.now += 60
            yield event


@pytest.mark.parametrize(("patience", "pieces"), [(121, 3), (119, 0), (None, 3)])
def test_patience_is_over_with_the_first_piece(patience, pieces):
    clock, said = Time(), []
    client = Slow(clock, START, {"contentBlockStop": {"contentBlockIndex": 9}}, PIECE, PIECE, PIECE)
    deltas = BedrockModel(BedrockRuntime(client, Limits(), clock=clock), Manner()).stream(REQUEST, patience)

    with pytest.raises(ModelTimeout if not pieces else ModelUnavailable):
        said.extend(deltas)

    assert len(said) == pieces


class Socket:
    def __init__(self):
        self.limits = []

    def settimeout(self, seconds):
        self.limits.append(seconds)


class Body:
    """An answer in pieces of one second each, for ever."""

    def __init__(self, clock, data=b"x"):
        self._clock, self._data = clock, data
        self.connection = self
        self.sock = Socket()

        self.closed = False

    def read1(self, _):
        self._clock.now += 1
        return self._data

    def close(self):
        self.closed = True


def test_an_answer_that_never_ends_is_given_up_in_time():
    clock = Time()
    body = Body(clock)

    with pytest.raises(ModelTimeout):
        PacedBody(body, pace(clock, longest=4)).read()

    assert body.sock.limits == [4, 3, 2, 1]
    assert body.closed


def test_an_answer_that_never_ends_is_given_up_for_its_size(monkeypatch):
    monkeypatch.setattr(bedrock_pace, "LARGEST_ANSWER", 10)

    with pytest.raises(ModelGarbled):
        PacedBody(Body(Time(), b"xxx"), pace(Time())).read()


def test_a_call_is_sent_with_what_its_pace_leaves():
    sent = []
    raw = HTTPResponse(io.BytesIO(b"abc"), preload_content=False)
    handler = sender(lambda request: sent.append(request) or SimpleNamespace(raw=raw))

    with paced(pace(Time(), patience=7)):
        answer = handler(SimpleNamespace(context={}), event_name="before-send.bedrock-runtime.Converse")

    assert (sent[0].context, sent[0].stream_output) == ({"read_timeout": 7}, True)
    assert b"".join(answer.raw.stream()) == b"abc"


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


PROFILE = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/p"


@pytest.mark.parametrize(
    ("uri", "model"),
    [
        ("bedrock://us-west-2", ""),
        ("bedrock://us-west-2/", ""),
        ("bedrock://us-west-2/us.anthropic.claude-haiku-4-5-v1:0?read_ms=5", "us.anthropic.claude-haiku-4-5-v1:0"),
        ("bedrock://eu-west-1/global.anthropic.claude-sonnet-4-6", "global.anthropic.claude-sonnet-4-6"),
        (f"bedrock://us-west-2/{PROFILE}", PROFILE),
        (f"bedrock://us-west-2/{PROFILE.replace('/', '%2F')}?like=amazon.nova-lite-v1:0", PROFILE),
        (f"bedrock://us-west-2/{PROFILE.replace('/', '%2f').replace(':', '%3A')}", PROFILE),
    ],
)
def test_the_model_that_a_uri_names(uri, model):
    assert model_id(uri) == model


@pytest.mark.parametrize(
    "uri",
    [
        "bedrock:///model",
        "bedrock://us-west-2/m?speed=1",
        "sagemaker://us-west-2/m",
        "bedrock://us-west-2/m?read_ms=0",
        "bedrock://us-west-2/m?json=yes",
        "bedrock://us-west-2/m?cache=perhaps",
        "bedrock://us-west-2/m?guardrail=abc",
        "bedrock://us-west-2/m?guardrail_version=1",
        "bedrock://us-west-2/m?guardrail=A%20B&guardrail_version=1",
        "bedrock://us-west-2/m?guardrail=abc&guardrail_version=newest",
    ],
)
def test_a_target_that_cannot_work_is_told_to_the_operator(uri, credentials):
    with pytest.raises(Misconfigured):
        open_bedrock(uri)


def test_an_embedder_s_target_has_limits_and_nothing_else(credentials):
    with pytest.raises(Misconfigured):
        connect("bedrock://us-west-2/amazon.titan-embed-text-v2:0?cache=true")


def test_a_region_s_targets_share_a_client_that_does_not_retry(credentials):
    client, other = (open_bedrock(f"bedrock://us-west-2/{name}?read_ms=9")._runtime._client for name in "ab")

    assert client is other
    assert client.meta.config.retries["total_max_attempts"] == 1
