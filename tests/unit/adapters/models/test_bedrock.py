"""What goes to Converse fits botocore's own model of it; what comes back, errors included, has a meaning."""

import json

import botocore.session
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    EventStreamError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.validate import validate_parameters
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import ProtocolError
from urllib3.exceptions import ReadTimeoutError as StreamTimeoutError

from chalicelib.adapters.models.bedrock import open_bedrock
from chalicelib.adapters.models.bedrock_reply import STOP_REASONS, StreamReader, completion
from chalicelib.adapters.models.bedrock_request import converse_request
from chalicelib.adapters.models.bedrock_runtime import CODES, BedrockRuntime, model_id
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    ChosenFunction,
    Delta,
    Developer,
    FunctionSpec,
    Image,
    ImageUrl,
    JsonFormat,
    JsonSchema,
    Options,
    SchemaFormat,
    System,
    Text,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    ToolResult,
    Usage,
    User,
)
from chalicelib.domain.errors import (
    Misconfigured,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)
from chalicelib.domain.transcript import Transcript

SERVICE = botocore.session.get_session().get_service_model("bedrock-runtime")
INPUT = SERVICE.operation_model("Converse").input_shape
PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
WEATHER = Tool(FunctionSpec("get_weather", description="d", parameters={"type": "object"}))


def call(name, arguments="{}", call_id="call_1"):
    return ToolCall(call_id, CalledFunction(name, arguments))


def converse(*messages, cap=100, **options):
    arguments = converse_request(ChatRequest("m", messages, cap, Options(**options)), "")
    validate_parameters(arguments, INPUT)
    return arguments


contents = st.text(max_size=20)
messages = st.one_of(
    st.builds(System, contents),
    st.builds(Developer, contents),
    st.builds(User, contents | st.lists(st.builds(Text, contents) | st.just(Image(ImageUrl(PIXEL)))).map(tuple)),
    st.builds(Assistant, contents, tool_calls=st.none() | st.just((call("f", '{"a": [1.5, null]}'),))),
    st.builds(ToolResult, contents, st.just("call_1")),
)
options = st.builds(
    Options,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(st.text(max_size=3)).map(tuple),
    seed=st.none() | st.integers(),
    response_format=st.none() | st.just(JsonFormat()) | st.just(SchemaFormat(JsonSchema("s", {"type": "object"}))),
    tools=st.just(()) | st.just((WEATHER, Tool(FunctionSpec("bare")))),
    tool_choice=st.sampled_from([None, "auto", "none", "required"]) | st.just(ToolChoice(ChosenFunction("bare"))),
)


@given(st.lists(messages, min_size=1, max_size=8).map(tuple), options, st.integers(1, 10_000))
def test_every_request_fits_botocore_s_model_and_converse_s_rules(said, asked, cap):
    request = ChatRequest("m", (*said, User("newest")), cap, asked)

    arguments = converse_request(request, "")

    validate_parameters(arguments, INPUT)
    roles = [turn["role"] for turn in arguments["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    blocks = [block for turn in arguments["messages"] for block in turn["content"]]
    assert all(block["text"].strip() for block in blocks if "text" in block)
    assert arguments["inferenceConfig"]["maxTokens"] == cap
    assert arguments["inferenceConfig"].get("temperature", 0) <= 1
    assert "toolConfig" in arguments or not any("toolUse" in block for block in blocks)


def test_messages_of_one_role_are_one_turn_and_instructions_are_the_system_s():
    calls = (call("f", '{"x": 1}', "a"), call("g", "", "b"))

    arguments = converse(
        System("first"),
        User("one"),
        User("two"),
        Developer("second"),
        Assistant("I look", tool_calls=calls),
        ToolResult("1", "a"),
        ToolResult((Text("2"), Text("3")), "b"),
        User("and?"),
    )

    assert arguments["system"] == [{"text": "first"}, {"text": "second"}]
    assert arguments["messages"] == [
        {"role": "user", "content": [{"text": "one"}, {"text": "two"}]},
        {
            "role": "assistant",
            "content": [
                {"text": "I look"},
                {"toolUse": {"toolUseId": "a", "name": "f", "input": {"x": 1}}},
                {"toolUse": {"toolUseId": "b", "name": "g", "input": {}}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"toolResult": {"toolUseId": "a", "content": [{"text": "1"}]}},
                {"toolResult": {"toolUseId": "b", "content": [{"text": "23"}]}},
                {"text": "and?"},
            ],
        },
    ]


def test_a_conversation_that_the_assistant_begins_gets_a_first_turn():
    assert [turn["role"] for turn in converse(Assistant("Welcome!"), User("hi"))["messages"]] == [
        "user",
        "assistant",
        "user",
    ]


def test_tools_of_the_history_are_declared_where_none_is_on_offer():
    arguments = converse(User("x"), Assistant(tool_calls=(call("old"),)), ToolResult("y", "call_1"))

    assert [tool["toolSpec"]["name"] for tool in arguments["toolConfig"]["tools"]] == ["old"]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        ("auto", {"auto": {}}),
        ("required", {"any": {}}),
        (ToolChoice(ChosenFunction("get_weather")), {"tool": {"name": "get_weather"}}),
    ],
)
def test_tool_choice(choice, expected):
    assert converse(User("x"), tools=(WEATHER,), tool_choice=choice)["toolConfig"].get("toolChoice") == expected


def test_no_tool_is_offered_where_none_may_be_called():
    assert "toolConfig" not in converse(User("x"), tools=(WEATHER,), tool_choice="none")


def test_images_are_sent_as_bytes():
    parts = (Text("what?"), Image(ImageUrl(PIXEL)), Image(ImageUrl("data:image/jpg;base64,/9j/")))

    blocks = converse(User(parts))["messages"][0]["content"]

    assert [block["image"]["format"] for block in blocks[1:]] == ["gif", "jpeg"]
    assert blocks[1]["image"]["source"]["bytes"].startswith(b"GIF89a")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.png",
        "data:image/svg+xml;base64,AAAA",
        "data:image/png;base64,?",
        "data:image/png;base64,",
    ],
)
def test_other_images_are_rejected(url):
    with pytest.raises(ModelRejected):
        converse(User((Image(ImageUrl(url)),)))


@pytest.mark.parametrize("arguments", ["[1]", "{", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_rejected(arguments):
    with pytest.raises(ModelRejected):
        converse(User("x"), Assistant(tool_calls=(call("f", arguments),)))


def test_nothing_but_blanks_is_rejected():
    with pytest.raises(ModelRejected):
        converse(System("be brief"), User("  \n"))


def test_json_is_asked_for_in_words():
    schema = SchemaFormat(JsonSchema("s", {"type": "object", "required": ["a"]}))

    (instruction,) = converse(User("x"), response_format=schema)["system"]

    assert '"required":["a"]' in instruction["text"]


def test_every_reason_to_stop_is_known():
    assert set(SERVICE.shape_for("StopReason").enum) == set(STOP_REASONS)


def test_every_documented_error_has_a_row():
    operations = [SERVICE.operation_model(name) for name in ("Converse", "ConverseStream", "InvokeModel")]
    events = SERVICE.shape_for("ConverseStreamOutput").members
    documented = {shape.name for operation in operations for shape in operation.error_shapes}
    documented |= {shape.name for shape in events.values() if shape.metadata.get("exception")}

    assert documented == set(CODES)


REPLY = {
    "ResponseMetadata": {"HTTPStatusCode": 200},
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "hm"}}},
                {"text": "Let me look."},
                {"toolUse": {"toolUseId": "t1", "name": "f", "input": {"city": "Łódź"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": {
        "inputTokens": 10,
        "outputTokens": 5,
        "totalTokens": 22,
        "cacheReadInputTokens": 4,
        "cacheWriteInputTokens": 3,
    },
}

EVENTS = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "Let me "}}},
    {"contentBlockDelta": {"contentBlockIndex": 1, "delta": {"text": "look."}}},
    {"contentBlockStop": {"contentBlockIndex": 1}},
    {"contentBlockStart": {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "f"}}}},
    {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": ""}}}},
    {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"city":'}}}},
    {"contentBlockDelta": {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '"Łódź"}'}}}},
    {"contentBlockStop": {"contentBlockIndex": 2}},
    {"messageStop": {"stopReason": "tool_use"}},
    {"metadata": {"usage": REPLY["usage"], "metrics": {"latencyMs": 1}}},
]


def test_an_answer_and_its_stream_say_the_same():
    reader, transcript = StreamReader(), Transcript()

    for event in EVENTS:
        transcript.add(reader.delta(event))

    assert reader.finished
    assert transcript.completion() == completion(REPLY)
    assert completion(REPLY).tool_calls == (call("f", '{"city":"Łódź"}', "t1"),)
    assert completion(REPLY).usage == Usage(17, 5, cached_input_tokens=4)


def test_a_call_without_arguments_has_an_empty_object():
    reader = StreamReader()
    reader.delta(EVENTS[6])

    assert reader.delta(EVENTS[10]) == Delta(tool_calls=(ToolCallDelta(0, arguments="{}"),))


@pytest.mark.parametrize("reply", [{}, {"output": {}}, {**REPLY, "stopReason": "malformed_model_output"}])
def test_what_is_no_answer_is_garbled(reply):
    with pytest.raises(ModelGarbled):
        completion(reply)


class Client:
    """A client whose every call fails, or streams until it fails."""

    def __init__(self, fault, events=None):
        self._fault, self._events = fault, events
        self.closed = False

    def converse(self, **_):
        raise self._fault

    def converse_stream(self, **_):
        if self._events is None:
            raise self._fault
        return {"stream": self}

    def __iter__(self):
        yield from self._events
        raise self._fault

    def close(self):
        self.closed = True


def client_error(code, message="", kind=ClientError, **headers):
    metadata = {"HTTPStatusCode": 400, "HTTPHeaders": headers}
    return kind({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, "Converse")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (client_error("ThrottlingException"), ModelThrottled),
        (client_error("ValidationException", "Input is too long"), ModelRejected),
        (client_error("ValidationException", "The provided model identifier is invalid."), ModelUnavailable),
        (client_error("AccessDeniedException"), ModelUnavailable),
        (client_error("UnrecognizedClientException"), ModelUnavailable),
        (client_error("ModelTimeoutException"), ModelTimeout),
        (client_error("throttlingException", kind=EventStreamError), ModelThrottled),
        (client_error("modelStreamErrorException", kind=EventStreamError), ModelUnavailable),
        (ReadTimeoutError(endpoint_url="u"), ModelTimeout),
        (ConnectTimeoutError(endpoint_url="u"), ModelUnavailable),
        (EndpointConnectionError(endpoint_url="u"), ModelUnavailable),
        (NoCredentialsError(), ModelUnavailable),
        (StreamTimeoutError(None, "u", "m"), ModelTimeout),
        (ProtocolError("broken"), ModelUnavailable),
    ],
)
def test_the_meaning_of_each_failure(fault, expected):
    with pytest.raises(expected) as raised:
        BedrockRuntime(Client(fault)).converse({})
    with pytest.raises(expected):
        next(BedrockRuntime(Client(fault)).converse_stream({}))

    assert raised.value.__cause__ is fault


def test_a_stream_that_fails_is_closed():
    client = Client(client_error("throttlingException", kind=EventStreamError), EVENTS[:4])
    pieces = []

    with pytest.raises(ModelThrottled):
        pieces.extend(BedrockRuntime(client).converse_stream({}))

    assert pieces == EVENTS[:4]
    assert client.closed


def test_when_to_come_back():
    fault = client_error("ThrottlingException", **{"retry-after": "4"})

    with pytest.raises(ModelThrottled) as raised:
        BedrockRuntime(Client(fault)).converse({})

    assert raised.value.retry_after_seconds == 4


def test_a_rejection_repeats_one_short_line():
    with pytest.raises(ModelRejected) as raised:
        BedrockRuntime(Client(client_error("ValidationException", "too\nlong " + "x" * 900))).converse({})

    assert raised.value.message.startswith("too long x")
    assert len(raised.value.message) == 400


@pytest.mark.parametrize(
    ("uri", "model"),
    [
        ("bedrock://us-west-2", ""),
        ("bedrock://us-west-2/", ""),
        ("bedrock://us-west-2/us.anthropic.claude-haiku-4-5-v1:0?read_ms=5", "us.anthropic.claude-haiku-4-5-v1:0"),
        (
            "bedrock://us-west-2/arn:aws:bedrock:us-west-2:1:inference-profile/p",
            "arn:aws:bedrock:us-west-2:1:inference-profile/p",
        ),
    ],
)
def test_the_model_that_a_uri_names(uri, model):
    assert model_id(uri) == model


@pytest.mark.parametrize("uri", ["bedrock:///model", "bedrock://us-west-2/m?speed=1", "sagemaker://us-west-2/m"])
def test_a_target_that_cannot_work_is_told_to_the_operator(uri):
    with pytest.raises(Misconfigured):
        open_bedrock(uri)


def test_the_client_does_not_retry(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    client = open_bedrock("bedrock://us-west-2/m")._runtime._client

    assert client.meta.config.retries["total_max_attempts"] == 1


def test_the_request_is_json_that_can_be_read_back():
    assert json.loads(json.dumps(converse(User("x"), tools=(WEATHER,))))["modelId"] == "m"
