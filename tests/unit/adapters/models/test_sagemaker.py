"""What an endpoint says means the same however it is cut; every failure that botocore knows of has a meaning."""

import itertools
import json

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models import sagemaker_runtime
from chalicelib.adapters.models.openai import OpenAiModel
from chalicelib.adapters.models.sagemaker import open_sagemaker
from chalicelib.adapters.models.sagemaker_faults import CODES, WORDS, fault
from chalicelib.adapters.models.sagemaker_runtime import connect
from chalicelib.adapters.models.sagemaker_stream import PartDecoder
from chalicelib.domain.chat import ChatRequest, Delta, ToolCallDelta, Usage, User
from chalicelib.domain.errors import (
    Misconfigured,
    ModelGarbled,
    ModelNotReady,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from tests.upstreams.bedrock_server import encoded

SERVICE = botocore.session.get_session().get_service_model("sagemaker-runtime")
ERRORS = {
    shape.name
    for name in ("InvokeEndpoint", "InvokeEndpointWithResponseStream")
    for shape in SERVICE.operation_model(name).error_shapes
}
SECRET = "account 123456789012"
SAID = [
    {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
    {"choices": [{"index": 0, "delta": {"content": "Łódź\u2028 😀\\n"}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "id": "c", "function": {"name": "f"}}]}}]},
    {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": '{"a": "data: "}'}}]}}]},
    {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9, "total_tokens": 16}},
]
MEANT = [
    Delta(text="Łódź\u2028 😀\\n"),
    Delta(tool_calls=(ToolCallDelta(0, "c", "f", ""),)),
    Delta(tool_calls=(ToolCallDelta(0, None, None, '{"a": "data: "}'),)),
    Delta(finish_reason="tool_calls"),
    Delta(usage=Usage(7, 9)),
]
JSON = [json.dumps(chunk, ensure_ascii=False) for chunk in SAID]
RECORDED = {
    "vllm": "".join(f"data: {each}\n\n" for each in JSON),
    "tgi": ": keep-alive\n\n" + "".join(f"event: message\r\ndata:{each}\r\n\r\n" for each in JSON),
    "lmi": "".join(f"{each}\n" for each in JSON),
    "lmi, its last line open": "\n".join(JSON),
}


def parts(data, cuts):
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(places)]


def decoded(pieces):
    decoder = PartDecoder(10_000)
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.end()]


class Recorded:
    """A way to an endpoint that sent these pieces."""

    def __init__(self, pieces):
        self._pieces = pieces

    def events(self, _path, _body, _patience=None):
        return (event for event in decoded(self._pieces))


def framed(*payloads):
    return b"".join(encoded("event", "PayloadPart", payload) for payload in payloads)


@pytest.mark.parametrize("container", RECORDED)
@given(cuts=st.lists(st.integers(0, 10**6)), again=st.lists(st.integers(0, 10**6)))
def test_a_stream_may_be_cut_anywhere_into_parts_and_these_into_pieces(container, cuts, again):
    frames = framed(*parts(RECORDED[container].encode(), cuts))

    model = OpenAiModel(Recorded(parts(frames, again)))

    assert list(model.stream(ChatRequest("m", (User("hi"),), 9))) == MEANT


def test_a_stream_may_come_byte_by_byte():
    frames = framed(*(bytes([byte]) for byte in RECORDED["vllm"].encode()))

    assert decoded(bytes([byte]) for byte in frames) == JSON


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [framed(b": ping\n\n")],
        [framed(b"<html>no such page\n")],
        [framed("data: Łódź\n".encode()[:-5], b"\n")],
        [framed("data: Łódź".encode()[:-1])],
        [framed(b"data: " + b"x" * 10_001)],
        [b"HTTP is not an event stream"],
        [framed(b"data: {}\n")[:-1] + b"?"],
    ],
    ids=[
        "empty",
        "silent",
        "a page",
        "a torn letter",
        "a torn letter at the end",
        "endless",
        "no frames",
        "a checksum",
    ],
)
def test_what_is_no_stream_is_garbled(pieces):
    with pytest.raises(ModelGarbled) as raised:
        decoded(pieces)

    assert raised.value.burned


def test_events_of_a_kind_to_come_are_passed_over():
    frames = encoded("event", "Billing", b"{}") + framed(b"data: {}\n")

    assert decoded([frames]) == ["{}"]


def test_every_error_of_botocore_has_a_meaning():
    assert CODES.keys() >= ERRORS
    assert {code for code, _ in WORDS} <= ERRORS


@pytest.mark.parametrize("code", sorted(CODES))
def test_no_message_repeats_what_sagemaker_said(code):
    body = json.dumps({"Message": SECRET, "LogStreamArn": SECRET}).encode()

    assert "123456789012" not in fault(code, body).message


ZERO = (
    "Inference Component has no capacity to process this request. ApplicationAutoScaling may be in-progress (if "
    "configured) or try to increase the capacity by invoking UpdateInferenceComponentRuntimeConfig API."
)
TOO_LONG = "1 validation error detected: Value at 'body' failed to satisfy constraint: Member must have length less than or equal to 6291456"  # noqa: E501
SLOW = 'Received server error (0) from primary with message "Your invocation timed out while waiting for a response"'
STREAM_SLOW = "Your model primary did not complete sending the inference response in the allotted time."


@pytest.mark.parametrize(
    ("code", "fields", "kind"),
    [
        ("ModelNotReadyException", {"Message": "Model is still loading"}, ModelNotReady),
        ("ValidationError", {"Message": ZERO}, ModelNotReady),
        ("ValidationError", {"message": ZERO}, ModelNotReady),
        ("ValidationError", {"Message": TOO_LONG}, ModelRejected),
        ("ValidationError", {"Message": f"Endpoint llama of {SECRET} not found."}, ModelUnavailable),
        ("ValidationError", {"Message": "Inference Component Name header is required for endpoints"}, ModelUnavailable),
        ("ModelError", {"Message": SLOW, "OriginalStatusCode": 0}, ModelTimeout),
        ("ModelError", {"Message": "Received server error (500)", "OriginalStatusCode": 500}, ModelUnavailable),
        ("ModelError", {"OriginalStatusCode": 503, "OriginalMessage": "No worker is available"}, ModelUnavailable),
        ("ModelError", {"OriginalStatusCode": 504}, ModelTimeout),
        ("ModelError", {"OriginalStatusCode": 429, "OriginalMessage": "Model is overloaded"}, ModelThrottled),
        ("ModelError", {"OriginalStatusCode": 400, "OriginalMessage": "bad"}, ModelRejected),
        ("ModelError", {"OriginalStatusCode": 413}, ModelRejected),
        ("ModelError", {"OriginalStatusCode": 422}, ModelRejected),
        (
            "ModelError",
            {"OriginalStatusCode": 404, "OriginalMessage": "The model `x` does not exist"},
            ModelUnavailable,
        ),
        ("ModelError", {"OriginalStatusCode": 424, "OriginalMessage": "prediction failure"}, ModelUnavailable),
        ("ModelError", {"OriginalStatusCode": "x"}, ModelUnavailable),
        ("ModelStreamError", {"Message": STREAM_SLOW}, ModelTimeout),
        ("ModelStreamError", {"ErrorCode": "ModelInvocationTimeExceeded"}, ModelTimeout),
        ("ModelStreamError", {"ErrorCode": "StreamBroken"}, ModelUnavailable),
        ("InternalStreamFailure", {}, ModelUnavailable),
        ("", {"__type": "com.amazonaws#ThrottlingException", "message": "Rate exceeded"}, ModelThrottled),
        ("ExpiredTokenException", {"message": SECRET}, ModelUnavailable),
    ],
)
def test_an_error_means_what_its_words_and_the_container_s_status_say(code, fields, kind):
    meant = fault(code, json.dumps(fields).encode(), status=400)

    assert type(meant) is kind
    assert meant.burned is (kind is ModelTimeout)
    assert "123456789012" not in meant.message


def test_a_container_that_sagemaker_could_not_ask_has_no_status():
    assert fault("ModelError", b'{"OriginalStatusCode": 0}').message == "The endpoint's container failed."


def test_only_the_container_s_own_rejection_is_repeated():
    fields = {"Message": SECRET, "OriginalStatusCode": 400}
    refusal = {"error": {"message": "This model's maximum context length is 4096 tokens."}}

    repeated = fault("ModelError", json.dumps({**fields, "OriginalMessage": json.dumps(refusal)}).encode())
    silent = fault("ModelError", json.dumps(fields).encode())

    assert repeated.message == "This model's maximum context length is 4096 tokens."
    assert silent.message == "The upstream calls the request invalid."


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"[" * 100_000, b'{"Message": "\xc5"}', b'{"Message": null}'])
@pytest.mark.parametrize(("status", "kind"), [(413, ModelRejected), (429, ModelThrottled), (502, ModelUnavailable)])
def test_an_answer_without_a_code_means_what_its_status_says(body, status, kind):
    assert type(fault("", body, status=status)) is kind


@pytest.mark.parametrize(
    ("frame", "kind"),
    [
        (encoded("exception", "ModelStreamError", b'{"ErrorCode": "ModelInvocationTimeExceeded"}'), ModelTimeout),
        (encoded("exception", "InternalStreamFailure", b"{}"), ModelUnavailable),
        (encoded("error", "x", b""), ModelUnavailable),
    ],
)
def test_a_failure_among_the_parts_comes_after_what_was_said_before_it(frame, kind):
    events = PartDecoder(100).feed(framed(b"data: {}\n") + frame)

    assert next(events) == "{}"
    with pytest.raises(kind):
        next(events)


@pytest.fixture
def region(monkeypatch):
    """The process's Region; nothing else of the environment."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    sagemaker_runtime._session.cache_clear()
    sagemaker_runtime._region.cache_clear()
    yield monkeypatch
    sagemaker_runtime._session.cache_clear()
    sagemaker_runtime._region.cache_clear()


@pytest.mark.parametrize(("query", "name"), [("", "eu-central-1"), ("?region=us-west-2", "us-west-2")])
def test_an_endpoint_is_in_the_region_that_is_named_or_else_in_the_process_s(region, query, name):
    endpoint = connect(f"sagemaker://Llama-4-Ep/copy{query}")

    assert endpoint._url == f"https://runtime.sagemaker.{name}.amazonaws.com/endpoints/Llama-4-Ep/"


def test_without_a_region_the_operator_is_told(region):
    region.delenv("AWS_DEFAULT_REGION")

    with pytest.raises(Misconfigured, match="region=us-west-2"):
        open_sagemaker("sagemaker://llama")


@pytest.mark.parametrize(
    "uri",
    [
        "sagemaker://",
        "sagemaker:///copy",
        "sagemaker://llama:8080",
        "sagemaker://llama_4",
        "sagemaker://-llama",
        "sagemaker://" + "x" * 64,
        "sagemaker://llama/a/b",
        "sagemaker://llama/%2e%2e",
        "sagemaker://llama?variant=a%20b",
        "sagemaker://llama?cap=tokens",
        "sagemaker://llama?speed=1",
        "sagemaker://llama?longest_ms=0",
        "sagemaker://key:secret@llama",
        "bedrock://llama",
    ],
)
def test_a_target_that_cannot_work_is_told_to_the_operator(uri):
    with pytest.raises(Misconfigured) as raised:
        open_sagemaker(uri)

    assert "secret" not in raised.value.message
