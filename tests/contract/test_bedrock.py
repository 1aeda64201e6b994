"""Bedrock over HTTP and botocore: real event streams, whatever is wrong with them, and how long they may take."""

import json
from contextlib import contextmanager, suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.models import bedrock_pace, bedrock_runtime
from chalicelib.adapters.models.bedrock import open_bedrock
from chalicelib.adapters.models.bedrock_faults import CODES
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    Completion,
    JsonFormat,
    JsonSchema,
    SchemaFormat,
    ToolCall,
    ToolResult,
    Usage,
    User,
)
from chalicelib.domain.errors import ModelError, ModelGarbled, ModelTimeout, ModelUnavailable
from chalicelib.domain.estimate import counted, input_bound
from tests.upstreams.bedrock_server import BedrockServer, Reply, converse, converse_stream, encoded
from tests.upstreams.bedrock_shapes import EVENTS, SERVICE
from tests.upstreams.openai_server import OpenAiServer
from tests.upstreams.targets import ask, put_together

HAIKU = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
PROFILE = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3"
PLACE = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
HELLO = ask(User("Where is Łódź? 😀"))
ERRORS = {
    shape.name: shape for name in ("Converse", "InvokeModel") for shape in SERVICE.operation_model(name).error_shapes
}


@contextmanager
def found_in(region, server):
    """In that Region, botocore finds `server`: clients are dear, and are made once for all tests."""
    with server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_BEDROCK_RUNTIME", server.url)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        bedrock_runtime._client(region, bedrock_runtime.Limits().connect_ms / 1000)
        yield server


@pytest.fixture(scope="module")
def running():
    bedrock_runtime._client.cache_clear()
    with found_in("us-west-2", BedrockServer()) as server:
        yield server


@pytest.fixture
def server(running):
    for noted in (running.replies, running.requests, running.paths):
        noted.clear()
    while running.hung_up.acquire(blocking=False):
        pass
    return running


def model(query="", name=HAIKU, region="us-west-2"):
    return open_bedrock(f"bedrock://{region}/{name}?{query}")


def whole(target, request=HELLO, patience=None):
    return target.complete(request, patience)


def streamed(target, request=HELLO, patience=None):
    return put_together(target.stream(request, patience)).completion()


either_way = pytest.mark.parametrize("call", [whole, streamed], ids=["whole", "streamed"])


def event(payload, name="contentBlockDelta"):
    return encoded("event", name, payload)


@pytest.mark.parametrize("piece", [1, 3, 64])
def test_a_stream_may_be_cut_anywhere_between_bytes(server, piece):
    server.replies.append(Reply(piece=piece))

    assert streamed(model()).text == "Echo: Where is Łódź? 😀"


def test_a_connection_is_kept_for_the_next_call(server):
    whole(model())
    before = server.connections

    for _ in range(3):
        whole(model())
        streamed(model("cache=true"))

    assert server.connections == before


@either_way
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("eu.amazon.nova-lite-v1:0", "eu.amazon.nova-lite-v1%3A0"),
        (PROFILE, "arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Aapplication-inference-profile%2Fa1b2c3"),
        (
            PROFILE.replace("/", "%2F"),
            "arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Aapplication-inference-profile%2Fa1b2c3",
        ),
    ],
)
def test_a_model_is_one_segment_of_the_path(server, call, name, path):
    call(model(name=name))

    assert server.paths[0].startswith(f"/model/{path}/converse")


@either_way
@pytest.mark.parametrize("code", ERRORS)
def test_every_error_of_the_service_model_over_http(server, call, code):
    status = ERRORS[code].metadata["error"]["httpStatusCode"]
    server.replies.append(Reply(status=status, error=code, retry_after="7"))

    with pytest.raises(CODES[code][0]) as raised:
        call(model())

    assert type(raised.value) is CODES[code][0]
    assert raised.value.retry_after_seconds == 7
    assert len(server.requests) == 1


@pytest.mark.parametrize("name", [name for name, shape in EVENTS.members.items() if shape.metadata.get("exception")])
def test_every_error_that_comes_as_an_event(server, name):
    server.replies += [Reply(error=name, error_after=0), Reply(error=name, error_after=4)]
    kind = CODES[name[0].upper() + name[1:]][0]
    pieces = []

    with pytest.raises(kind):
        next(model().stream(HELLO))
    with pytest.raises(kind):
        pieces.extend(model().stream(HELLO))

    assert pieces


def test_a_stream_that_breaks_is_charged_for_what_it_may_have_burned(server):
    server.replies.append(Reply(cut_after=4))
    pieces = []

    with pytest.raises(ModelUnavailable):
        pieces.extend(model().stream(HELLO))

    said = put_together(pieces)
    usage = counted(HELLO, said.completion()).usage
    assert usage.input_tokens == input_bound(HELLO)
    assert usage.output_tokens >= len(said.text.split())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[1]",
        b'"text"',
        b"{}",
        b'{"output": 1}',
        b'{"output": {"message": {"content": 5}}, "stopReason": "end_turn"}',
        b'{"output": {"message": {"content": [5]}}, "stopReason": "end_turn"}',
        b'{"output": {"message": {"role": "assistant", "content": [{"text": "\xc5',
        b'{"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}',
        b"[" * 100_000,
    ],
)
def test_a_body_that_is_no_answer_is_garbled(server, body):
    server.replies.append(Reply(body=body))

    with pytest.raises(ModelGarbled) as raised:
        whole(model())

    assert "html" not in raised.value.message


@pytest.mark.parametrize(
    "raw",
    [
        event(b'{"contentBlockIndex": 0, "delta": {"text": "\xc5"}}'),
        event(b"nonsense"),
        event(b"[1]"),
        event(b'{"contentBlockIndex": 0, "delta": 5}'),
        event(b'{"contentBlockIndex": 0, "delta": {"text": "a", "toolUse": {"input": "b"}}}'),
        event(b'{"contentBlockIndex": 0, "delta": {"text": "a"}}')[:-4] + b"\0\0\0\0",
        b"<html><body>not an event stream</body></html>",
        b"\0" * 64,
        encoded("strange", "contentBlockDelta", b"{}"),
    ],
)
def test_a_stream_that_is_none_is_garbled(server, raw):
    start = event(b'{"role": "assistant"}', "messageStart")
    server.replies += [Reply(raw=raw), Reply(raw=start + raw)]

    for _ in range(2):
        with pytest.raises((ModelGarbled, ModelUnavailable)):
            streamed(model())
    assert len(server.requests) == 2


def test_an_event_that_is_cut_off_has_burned_tokens(server):
    start = event(b'{"role": "assistant"}', "messageStart")
    server.replies.append(Reply(raw=start + event(b'{"contentBlockIndex": 0, "delta": {"text": "Hi"}}')[:-9]))

    with pytest.raises(ModelGarbled):
        streamed(model())


GOOD = json.dumps(converse({"messages": [{"content": [{"text": "x"}]}], "inferenceConfig": {"maxTokens": 9}})).encode()
STREAM = b"".join(
    event(json.dumps(payload).encode(), name)
    for name, payload in converse_stream(
        {"messages": [{"content": [{"text": "x"}]}], "inferenceConfig": {"maxTokens": 9}}
    )
)


def changed(data, changes):
    """`data` with some bytes replaced, cut or doubled."""
    for place, byte, how in changes:
        at = place % max(len(data), 1)
        data = {"put": data[:at] + bytes([byte]) + data[at + 1 :], "cut": data[:at], "twice": data[:at] + data}[how]
    return data


changes = st.lists(
    st.tuples(st.integers(0, 5_000), st.integers(0, 255), st.sampled_from(["put", "put", "put", "cut", "twice"])),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes)
def test_no_byte_that_is_wrong_is_anything_but_an_answer_or_a_model_error(server, changes):
    server.replies += [Reply(body=changed(GOOD, changes)), Reply(raw=changed(STREAM, changes))]

    for call in (whole, streamed):
        with suppress(ModelError):
            assert isinstance(call(model("longest_ms=60000")), Completion)


def test_an_answer_that_breaks_off_is_garbled(server):
    server.replies.append(Reply(short=True))

    with pytest.raises(ModelGarbled):
        whole(model())


def test_an_answer_without_a_usage_has_none(server):
    reply = {name: value for name, value in json.loads(GOOD).items() if name != "usage"}
    server.replies.append(Reply(body=json.dumps(reply).encode()))

    assert whole(model()).usage == Usage()


@either_way
def test_an_answer_that_never_ends_is_given_up_in_time(server, call):
    server.replies.append(Reply(body=b"{" if call is whole else None, endless=True))

    with pytest.raises(ModelTimeout):
        call(model("longest_ms=200&read_ms=900000"))

    assert server.hung_up.acquire(timeout=10)


@either_way
def test_an_answer_that_never_ends_is_given_up_for_its_size(server, call, monkeypatch):
    monkeypatch.setattr(bedrock_pace, "LARGEST_ANSWER", 1_500)
    server.replies.append(Reply(body=b"{" * 1_600 if call is whole else None, endless=True))

    with pytest.raises(ModelGarbled):
        call(model())


@either_way
def test_patience_ends_before_the_target_s_own_limit(server, call):
    server.replies.append(Reply(hang_after=0))

    with pytest.raises(ModelTimeout):
        call(model("read_ms=900000&longest_ms=900000"), patience=0.1)

    assert server.hung_up.acquire(timeout=10)


@pytest.mark.parametrize("endless", [False, True])
def test_patience_is_for_the_first_piece_however_much_comes_before_it(server, endless):
    start = (("messageStart", {"role": "assistant"}),)
    server.replies.append(Reply(events=start, endless=endless, hang_after=None if endless else 1))

    with pytest.raises((ModelTimeout, ModelGarbled)):
        streamed(model("read_ms=900000&longest_ms=900000"), patience=0.2)


@pytest.fixture(scope="module")
def emulated(running):
    """Ministack's Bedrock before a real server that speaks Chat Completions, in a Region of its own."""
    from ministack.services import bedrock_runtime as emulator

    with OpenAiServer() as behind, pytest.MonkeyPatch.context() as patch:
        patch.setattr(emulator, "_PROXY_URL", behind.url.removesuffix("/v1"))
        with found_in("eu-west-1", BedrockServer(ministack=True)):
            yield behind


@either_way
@pytest.mark.parametrize("wanted", [SchemaFormat(JsonSchema("place", PLACE)), JsonFormat()])
def test_json_by_a_tool(server, call, wanted):
    answer = call(model("cache=true"), ask(User("Which city?"), response_format=wanted))

    assert json.loads(answer.text) == {"city": "Łódź"}
    assert (answer.tool_calls, answer.finish_reason) == ((), "stop")


@either_way
def test_results_of_several_tools_through_the_emulator(emulated, call):
    calls = tuple(ToolCall(name, CalledFunction("look", json.dumps({"at": name}))) for name in ("a", "b" * 80))
    results = tuple(ToolResult(f"seen {called.id[0]}", called.id) for called in calls)

    answer = call(model(region="eu-west-1"), ask(User("look"), Assistant(tool_calls=calls), *results))

    assert "seen b" in answer.text
    roles = [message["role"] for message in emulated.requests[-1].body["messages"]]
    assert roles == ["user", "assistant", "tool", "tool"]


@either_way
def test_a_guardrail_that_is_not_there_is_no_fault_of_the_caller(emulated, call):
    with pytest.raises(ModelUnavailable):
        call(model("guardrail=none&guardrail_version=DRAFT", region="eu-west-1"))


@either_way
def test_a_guardrail_s_words_through_the_emulator(emulated, call, monkeypatch):
    from ministack.services import bedrock

    blocking = {
        "GuardrailId": "strict",
        "BlockedInputMessaging": "Not this.",
        "WordPolicy": {"wordsConfig": [{"text": "Łódź"}]},
    }
    monkeypatch.setattr(bedrock, "_guardrails", {"strict": blocking})

    answer = call(model("guardrail=strict&guardrail_version=DRAFT", region="eu-west-1"))

    assert (answer.text, answer.finish_reason) == ("Not this.", "content_filter")
