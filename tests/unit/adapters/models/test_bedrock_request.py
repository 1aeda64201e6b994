"""What goes to Converse fits all that botocore's own model of it says, and the rules that the model does not say."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.models.bedrock import open_bedrock
from chalicelib.adapters.models.bedrock_json import TOOL
from chalicelib.adapters.models.bedrock_request import Guardrail, Manner, converse_request
from chalicelib.adapters.models.bedrock_traits import Traits, traits_of
from chalicelib.domain.chat import (
    Assistant,
    CalledFunction,
    ChatRequest,
    ChosenFunction,
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
    TextFormat,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    User,
)
from chalicelib.domain.errors import ModelRejected
from tests.upstreams.bedrock_shapes import CONVERSE, CONVERSE_STREAM, check

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
WEATHER = Tool(FunctionSpec("get_weather", description="d", parameters={"type": "object"}))
CLOSED = {"type": "object", "properties": {}, "additionalProperties": False}
HAIKU = Manner(traits=traits_of("anthropic.claude-haiku-4-5"))
SONNET = Manner(traits=traits_of("anthropic.claude-sonnet-4-6"))
NEWEST = Manner(traits=traits_of("anthropic.claude-opus-5"))
NOVA = Manner(traits=traits_of("amazon.nova-lite-v1:0"))
NOVA_2 = Manner(traits=traits_of("amazon.nova-2-lite-v1:0"))
POINT = {"cachePoint": {"type": "default"}}


def call(name, arguments="{}", call_id="call_1"):
    return ToolCall(call_id, CalledFunction(name, arguments))


def converse(*messages, manner=Manner(), cap=100, **options):  # noqa: B008 - it is frozen
    request = ChatRequest("m", messages, cap, Options(**options))
    arguments = converse_request(request, manner)
    check(arguments, CONVERSE.input_shape)
    check(converse_request(request, manner, stream=True), CONVERSE_STREAM.input_shape)
    return arguments


contents = st.text(max_size=20)
names = st.sampled_from(["f", "get_weather", "strange name", "", "x" * 80])
ids = st.sampled_from(["call_1", "", "strange id", "i" * 80]) | st.text(max_size=8)
calls = st.builds(ToolCall, ids, st.builds(CalledFunction, names, st.sampled_from(["", "{}", '{"a": [1.5, null]}'])))
messages = st.one_of(
    st.builds(System, contents),
    st.builds(Developer, contents | st.lists(st.builds(Text, contents)).map(tuple)),
    st.builds(User, contents | st.lists(st.builds(Text, contents) | st.just(Image(ImageUrl(PIXEL)))).map(tuple)),
    st.builds(
        Assistant, contents | st.none(), tool_calls=st.none() | st.lists(calls, max_size=3).map(tuple), refusal=contents
    ),
    st.builds(ToolResult, contents, ids),
)
schemas = st.sampled_from([None, {}, {"type": "object"}, CLOSED, {"type": "array"}])
formats = st.one_of(
    st.none(),
    st.sampled_from([TextFormat(), JsonFormat()]),
    st.builds(SchemaFormat, st.builds(JsonSchema, st.just("s"), schemas, st.none() | contents)),
)
options = st.builds(
    Options,
    temperature=st.none() | st.floats(0, 2),
    top_p=st.none() | st.floats(0, 1),
    stop=st.lists(st.text(max_size=3)).map(tuple),
    seed=st.none() | st.integers(),
    response_format=formats,
    tools=st.just(()) | st.just((WEATHER, Tool(FunctionSpec("bare", strict=True)))),
    tool_choice=st.sampled_from([None, "auto", "none", "required"]) | st.just(ToolChoice(ChosenFunction("bare"))),
    reasoning_effort=st.sampled_from([None, "none", "minimal", "low", "medium", "high", "xhigh", "later"]),
)
manners = st.builds(
    Manner,
    traits=st.sampled_from([Traits(), *(manner.traits for manner in (HAIKU, SONNET, NEWEST, NOVA, NOVA_2))]),
    cache=st.booleans(),
    guardrail=st.none() | st.just(Guardrail("abc123", "DRAFT")),
)


@given(st.lists(messages, min_size=1, max_size=8).map(tuple), options, st.integers(1, 40_000), manners)
def test_every_request_fits_botocore_s_model_and_converse_s_rules(said, asked, cap, manner):
    arguments = converse(*said, User("newest"), cap=cap, manner=manner, **msgspec.structs.asdict(asked))

    roles = [turn["role"] for turn in arguments["messages"]]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
    blocks = [block for turn in arguments["messages"] for block in turn["content"]]
    assert all(block["text"].strip() for block in blocks if "text" in block)
    assert all(turn["content"] for turn in arguments["messages"])
    assert arguments["inferenceConfig"]["maxTokens"] == cap
    assert "toolConfig" in arguments or not any("toolUse" in block for block in blocks)
    assert len(points(arguments)) <= (4 if manner.cache else 0)
    thinking = arguments.get("additionalModelRequestFields", {}).get("thinking", {})
    assert thinking.get("budget_tokens", 0) < cap
    if thinking:
        assert not {"temperature", "topP"} & arguments["inferenceConfig"].keys()
        assert not {"any", "tool"} & arguments.get("toolConfig", {}).get("toolChoice", {}).keys()


def points(arguments):
    lists = [arguments.get("system", []), arguments.get("toolConfig", {}).get("tools", [])]
    lists += [turn["content"] for turn in arguments["messages"]]
    return [block for blocks in lists for block in blocks if block == POINT]


def test_messages_of_one_role_are_one_turn_and_instructions_are_the_system_s():
    calls = (call("f", '{"x": 1}', "a"), call("g", "", "b"))

    arguments = converse(
        System("first"),
        User("one"),
        User("two"),
        Developer("second"),
        Assistant("I look", tool_calls=calls),
        ToolResult("1", "a"),
        User("and?"),
        ToolResult((Text("2"), Text("3")), "b"),
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


def test_a_refusal_is_what_the_assistant_said():
    arguments = converse(User("x"), Assistant(refusal="I will not."), User("why?"))

    assert arguments["messages"][1]["content"] == [{"text": "I will not."}]


def test_a_result_that_is_blank_says_so():
    arguments = converse(User("x"), Assistant(tool_calls=(call("f"),)), ToolResult(" ", "call_1"))

    assert arguments["messages"][2]["content"][0]["toolResult"]["content"] == [{"text": "(nothing)"}]


def test_ids_and_names_of_other_providers_are_made_to_fit_and_still_belong_together():
    other = "a strange id " * 9
    arguments = converse(User("x"), Assistant(tool_calls=(call("get.weather", call_id=other),)), ToolResult("y", other))

    used, result = (turn["content"][0] for turn in arguments["messages"][1:])
    assert used["toolUse"]["toolUseId"] == result["toolResult"]["toolUseId"]
    assert used["toolUse"]["name"] == "get_weather"


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


@pytest.mark.parametrize(
    ("manner", "parameters", "strict"), [(HAIKU, CLOSED, True), (HAIKU, {"type": "object"}, None), (NOVA, CLOSED, None)]
)
def test_strict_tools_where_the_model_can_and_the_schema_is_closed(manner, parameters, strict):
    tool = Tool(FunctionSpec("f", parameters=parameters, strict=True))

    (declared,) = converse(User("x"), manner=manner, tools=(tool,))["toolConfig"]["tools"]

    assert declared["toolSpec"].get("strict") == strict


def test_images_are_sent_as_bytes():
    parts = (Text("what?"), Image(ImageUrl(PIXEL)), Image(ImageUrl("data:image/jpg;base64,/9j/")))

    blocks = converse(User(parts))["messages"][0]["content"]

    assert [block["image"]["format"] for block in blocks[1:]] == ["gif", "jpeg"]
    assert blocks[1]["image"]["source"]["bytes"].startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("https://example.com/a.png", "data: URLs"),
        ("data:image/svg+xml;base64,AAAA", "png, jpeg, gif or webp"),
        ("data:image/png;base64,?", "malformed"),
        ("data:image/png;base64,", "empty"),
    ],
)
def test_other_images_are_rejected(url, words):
    with pytest.raises(ModelRejected, match=words):
        converse(User((Image(ImageUrl(url)),)))


@pytest.mark.parametrize("arguments", ["[1]", "{", '"x"', "[" * 100_000])
def test_arguments_that_are_no_object_are_rejected(arguments):
    with pytest.raises(ModelRejected):
        converse(User("x"), Assistant(tool_calls=(call("f", arguments),)))


def test_nothing_but_blanks_is_rejected():
    with pytest.raises(ModelRejected):
        converse(System("be brief"), User("  \n"))


@pytest.mark.parametrize(
    ("manner", "sampling"),
    [
        (NOVA, {"temperature": 1.0, "topP": 0.5}),
        (HAIKU, {"temperature": 1.0}),  # it takes one of the two
        (NEWEST, {}),
    ],
)
def test_a_model_gets_the_sampling_that_it_takes(manner, sampling):
    config = converse(User("x"), manner=manner, temperature=1.7, top_p=0.5, stop=("END", ""))["inferenceConfig"]

    assert config == {"maxTokens": 100, "stopSequences": ["END"], **sampling}


def test_top_p_alone_is_sent_and_1_is_not():
    assert converse(User("x"), manner=HAIKU, top_p=0.5)["inferenceConfig"]["topP"] == 0.5
    assert "topP" not in converse(User("x"), manner=HAIKU, top_p=1.0)["inferenceConfig"]


SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def formatted(schema, description=None):
    return SchemaFormat(JsonSchema("place", schema, description))


def test_json_by_the_model_s_own_word():
    closed = {**SCHEMA, "additionalProperties": False}

    arguments = converse(User("x"), manner=HAIKU, response_format=formatted(closed, "a place"))

    (definition,) = arguments["outputConfig"]["textFormat"]["structure"].values()
    assert msgspec.json.decode(definition["schema"]) == closed
    assert (definition["name"], definition["description"]) == ("place", "a place")
    assert "toolConfig" not in arguments


def test_json_by_a_tool_that_must_be_called():
    config = converse(User("x"), manner=HAIKU, response_format=formatted(SCHEMA, "a place"))["toolConfig"]

    assert config["tools"] == [
        {
            "toolSpec": {
                "name": TOOL,
                "description": "Answer by calling this. a place",
                "inputSchema": {"json": SCHEMA},
            }
        }
    ]
    assert config["toolChoice"] == {"tool": {"name": TOOL}}


def test_json_without_a_schema_is_wrapped_as_an_empty_schema_is_answered_with_nothing():
    config = converse(User("x"), manner=HAIKU, response_format=JsonFormat())["toolConfig"]

    assert config["tools"][0]["toolSpec"]["inputSchema"]["json"]["required"] == ["answer"]


def test_json_in_words_where_the_model_takes_nothing_else():
    arguments = converse(System("be brief"), User("x"), response_format=formatted(SCHEMA))

    assert arguments["system"][0] == {"text": "be brief"}
    assert '"required":["city"]' in arguments["system"][1]["text"]
    assert "toolConfig" not in arguments


@pytest.mark.parametrize("choice", [None, "auto"])
def test_the_caller_s_tools_may_be_called_before_the_answer_is_json(choice):
    config = converse(User("x"), manner=HAIKU, response_format=JsonFormat(), tools=(WEATHER,), tool_choice=choice)[
        "toolConfig"
    ]

    assert [tool["toolSpec"]["name"] for tool in config["tools"]] == ["get_weather", TOOL]
    assert config["toolChoice"] == {"any": {}}


def test_a_caller_s_tool_of_the_same_name_is_rejected():
    with pytest.raises(ModelRejected, match=TOOL):
        converse(User("x"), manner=HAIKU, response_format=JsonFormat(), tools=(Tool(FunctionSpec(TOOL)),))


def thinking(manner, *said, cap=8_192, **options):
    arguments = converse(*said or (User("x"),), manner=manner, cap=cap, **options)
    return arguments.get("additionalModelRequestFields"), arguments.get("outputConfig")


@pytest.mark.parametrize(
    ("effort", "cap", "budget"),
    [
        ("low", 8_192, 1_024),
        ("medium", 8_192, 4_096),
        ("high", 8_192, 4_096),  # half of the cap is the answer's
        ("high", 64_000, 16_384),
        ("xhigh", 64_000, 16_384),
        ("low", 2_048, 1_024),
    ],
)
def test_a_budget_for_reasoning_stays_within_the_cap(effort, cap, budget):
    fields, _ = thinking(HAIKU, cap=cap, reasoning_effort=effort)

    assert fields == {"thinking": {"type": "enabled", "budget_tokens": budget}}


@pytest.mark.parametrize("effort", [None, "none", "minimal"])
def test_reasoning_is_not_asked_for_unasked(effort):
    assert thinking(HAIKU, reasoning_effort=effort) == (None, None)


def test_a_cap_that_leaves_no_room_has_no_reasoning():
    assert thinking(HAIKU, cap=2_047, reasoning_effort="high") == (None, None)


def test_reasoning_at_the_model_s_own_measure():
    assert thinking(SONNET, reasoning_effort="xhigh") == ({"thinking": {"type": "adaptive"}}, {"effort": "high"})


@pytest.mark.parametrize(("effort", "sent"), [("low", "low"), ("medium", "medium"), ("high", "medium")])
def test_nova_s_highest_effort_takes_no_cap_and_is_not_asked_for(effort, sent):
    fields, _ = thinking(NOVA_2, reasoning_effort=effort)

    assert fields == {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": sent}}


def test_other_models_are_not_asked_to_reason():
    assert thinking(NOVA, reasoning_effort="high") == thinking(Manner(), reasoning_effort="high") == (None, None)


IN_A_LOOP = (User("x"), Assistant(tool_calls=(call("f"),)), ToolResult("y", "call_1"))


def test_a_tool_loop_goes_on_without_a_budget_as_its_first_thoughts_were_not_kept():
    assert thinking(HAIKU, *IN_A_LOOP, reasoning_effort="low") == (None, None)
    assert thinking(SONNET, *IN_A_LOOP, reasoning_effort="low")[0] == {"thinking": {"type": "adaptive"}}


def test_after_a_tool_loop_there_is_reasoning_again():
    fields, _ = thinking(HAIKU, *IN_A_LOOP, Assistant("It is y."), User("sure?"), reasoning_effort="low")

    assert fields == {"thinking": {"type": "enabled", "budget_tokens": 1_024}}


@pytest.mark.parametrize("manner", [HAIKU, SONNET])
def test_claude_does_not_reason_where_a_call_is_forced(manner):
    forced = thinking(manner, reasoning_effort="high", tools=(WEATHER,), tool_choice="required")
    as_json = thinking(manner, reasoning_effort="high", response_format=JsonFormat())

    assert forced == as_json == (None, None)


def test_reasoning_and_json_by_the_model_s_own_word_go_together():
    fields, output = thinking(SONNET, reasoning_effort="low", response_format=formatted(CLOSED))

    assert fields
    assert set(output) == {"textFormat", "effort"}


def cached(manner, *said, **options):
    return converse(*said, manner=msgspec.structs.replace(manner, cache=True), **options)


GOING_ON = (System("s"), User("one"), Assistant("1"), User("two"), Assistant("2"), User("three"))


def test_cache_points_close_the_tools_the_system_prompt_and_the_two_newest_prefixes():
    arguments = cached(HAIKU, *GOING_ON, tools=(WEATHER,))

    assert arguments["toolConfig"]["tools"][-1] == arguments["system"][-1] == POINT
    assert [turn["content"][-1] == POINT for turn in arguments["messages"]] == [False, False, True, False, True]
    assert len(points(arguments)) == 4


def test_nova_takes_no_cache_point_among_its_tools():
    arguments = cached(NOVA, *GOING_ON, tools=(WEATHER,))

    assert POINT not in arguments["toolConfig"]["tools"]
    assert len(points(arguments)) == 3


def test_the_first_question_of_a_conversation_is_not_written_to_the_cache():
    assert len(points(cached(HAIKU, System("s"), User("one")))) == 1
    assert points(cached(HAIKU, User("one"))) == []


def test_models_that_take_no_cache_point_get_none():
    assert points(cached(Manner(), *GOING_ON, tools=(WEATHER,))) == []


def test_requests_do_not_share_what_they_are_made_of():
    said = (Assistant("Welcome!"), User("hi"))

    assert cached(HAIKU, *said) == cached(HAIKU, *said)
    assert points(converse(*said, manner=HAIKU)) == []


def test_a_guardrail_is_asked_for():
    manner = Manner(guardrail=Guardrail("abc123", "2", "async"))
    request = ChatRequest("m", (User("x"),), 100)

    whole, streamed = (converse_request(request, manner, stream=stream)["guardrailConfig"] for stream in (False, True))

    assert whole == {"guardrailIdentifier": "abc123", "guardrailVersion": "2"}
    assert streamed == {**whole, "streamProcessingMode": "async"}


PROFILE = "arn:aws:bedrock:us-west-2:123456789012:application-inference-profile/a1b2c3"


@pytest.mark.parametrize(
    ("uri", "manner"),
    [
        ("bedrock://us-west-2", Manner()),
        ("bedrock://us-west-2/meta.llama3-70b?cache=true", Manner("meta.llama3-70b", cache=True)),
        (
            f"bedrock://us-west-2/{PROFILE.replace('/', '%2F')}?like=amazon.nova-lite-v1:0",
            Manner(PROFILE, NOVA.traits),
        ),
        ("bedrock://us-west-2/m?json=native", Manner("m", Traits(json="native"))),
        (
            "bedrock://us-west-2/m?guardrail=arn:aws:bedrock:us-west-2:123456789012:guardrail/abc&guardrail_version=3",
            Manner("m", guardrail=Guardrail("arn:aws:bedrock:us-west-2:123456789012:guardrail/abc", "3")),
        ),
    ],
)
def test_the_manner_that_a_uri_asks_for(uri, manner, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")

    assert open_bedrock(uri)._manner == manner
