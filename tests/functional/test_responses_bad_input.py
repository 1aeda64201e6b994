"""Whatever is sent to the Responses API: OpenAI's error body, a 400 that names the field, nothing charged or stored."""

import json

import pytest

from tests.functional.bad_input import BAD_IMAGES, HUGE, MEGABYTES, WHOLE, nested
from tests.functional.responses import PATH, TOOL, asked

USER = {"role": "user", "content": "Hi"}
FORMAT = {"type": "json_schema", "name": "n", "schema": {}}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "c", "output": "1"}
BUILT_IN = (
    "web_search",
    "file_search",
    "code_interpreter",
    "computer_use_preview",
    "mcp",
    "image_generation",
    "custom",
)
THEIRS = ("prompt", "context_management", "moderation", "background_options", "prompt_cache_retention", "n", "messages")

VALUES = {
    "model": [None, 1, [], {}, "", "x" * 257],
    "input": [None, 1, {}, [], [None], ["Hi"], [[]], [{}], [1], [USER] * 2049],
    "instructions": [1, [], {}],
    "previous_response_id": [1, "", {}, "x" * 65],
    "conversation": [1, "", {}, {"id": ""}, {"id": "c", "colour": 1}, "x" * 65],
    "stream": [1, "true", []],
    "stream_options": [True, {"include_obfuscation": 1}, {"include_usage": True}, {}],
    "store": ["yes", 1],
    "background": ["yes", 1],
    "max_output_tokens": [0, -1, 1.5, "7", True, HUGE, 10**6],
    "temperature": [-0.1, 2.1, "hot", True],
    "top_p": [-0.1, 1.1, "x"],
    "text": [
        1,
        [],
        {"colour": 1},
        {"format": {}},
        {"format": {"type": "xml"}},
        {"format": "text"},
        {"verbosity": "high"},
    ],
    "reasoning": [1, "low", {"effort": "extreme"}, {"summary": "all"}, {"colour": 1}],
    "tools": [1, {}, [1], [{}], [TOOL] * 129, [{**TOOL, "name": "no space"}], [{**TOOL, "colour": 1}]],
    "tool_choice": [
        "maybe",
        1,
        {},
        {"type": "function"},
        {"type": "web_search"},
        {"type": "allowed_tools"},
        "required",
    ],
    "parallel_tool_calls": ["yes", 1],
    "truncation": ["disable", 1],
    "metadata": [1, [], {"a": 1}, {"a" * 65: "x"}, {"a": "x" * 513}, {str(n): "x" for n in range(17)}],
    "user": [1, []],
    "include": ["x", [1], ["colour"], ["message.output_text.logprobs"]],
    "max_tool_calls": [0, "x"],
    "top_logprobs": [1, "x"],
    "service_tier": ["priority", 1],
    "safety_identifier": [1],
    "prompt_cache_key": [1],
    "cache": [True, {"ttl": "x"}],
}
ITEMS = [
    ({"content": "Hi"}, "input[0].type"),
    ({"role": "wizard", "content": "Hi"}, "input[0].role"),
    ({"role": "tool", "content": "Hi"}, "input[0].role"),
    ({"role": "user"}, "input[0].content"),
    ({"role": "user", "content": None}, "input[0].content"),
    ({"role": "user", "content": "Hi", "colour": 1}, "input[0].colour"),
    ({"role": "user", "content": [{"type": "text", "text": "Hi"}]}, "input[0].content[0].type"),
    ({"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}, "input[0].content[0].type"),
    ({"role": "user", "content": [{"type": "input_audio"}]}, "input[0].content[0].type"),
    ({"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}, "input[0].content[0]"),
    ({"type": "item_reference", "id": "msg_1"}, "input[0].type"),
    ({"type": "web_search_call", "id": "ws_1"}, "input[0].type"),
    ({"type": "reasoning", "summary": [{"type": "colour", "text": ""}]}, "input[0].summary[0].type"),
    ({"type": "reasoning", "summary": []}, "input"),
    ({**CALL, "arguments": {}}, "input[0].arguments"),
    ({**CALL, "call_id": None}, "input[0].call_id"),
    ({**RESULT, "output": 1}, "input[0].output"),
    ({**RESULT, "output": [{"type": "input_image", "image_url": "https://x.test/"}]}, "input[0].output[0].type"),
    (RESULT, "input"),
]
TOGETHER = [
    ({"previous_response_id": "resp_1", "conversation": "conv_1"}, "previous_response_id"),
    ({"background": True, "store": False}, "background"),
    ({"stream_options": {"include_obfuscation": False}}, "stream_options"),
    ({"tools": [TOOL, TOOL]}, "tools[1].name"),
    ({"tools": [TOOL], "tool_choice": {"type": "function", "name": "g"}}, "tool_choice.name"),
    ({"tool_choice": {"type": "function", "name": "g"}}, "tool_choice.name"),
    ({"text": {"format": {**FORMAT, "name": "no space"}}}, "text.format.name"),
    ({"text": {"format": {"type": "json_schema", "json_schema": FORMAT}}}, "text.format"),
    ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools[0]"),
]


@pytest.fixture(scope="module")
def key(quiet_world):
    return quiet_world.key()


@pytest.fixture
def refused(quiet_world, key):
    """Sends a body that must be refused, and gives its error; nothing has changed by it."""
    before = quiet_world.everything()

    def refuse(body, status=400):
        answer = quiet_world.call("POST", PATH, body, key=key)
        assert answer.status == status
        assert list(answer.error) == ["message", "type", "param", "code"]
        assert answer.error["type"] == "invalid_request_error"
        assert 0 < len(answer.error["message"]) < 600
        return answer.error

    yield refuse
    assert quiet_world.everything() == before


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
def test_a_wrong_value_is_refused_by_name(refused, name, value):
    assert refused(asked(**{name: value}))["param"].startswith(name)


@pytest.mark.parametrize(("item", "param"), ITEMS)
def test_a_wrong_item_is_refused_by_its_place(refused, item, param):
    assert refused(asked([item]))["param"].startswith(param)


@pytest.mark.parametrize("url", BAD_IMAGES)
def test_an_image_that_is_anywhere_else_is_refused(refused, url):
    said = [{"role": "user", "content": [{"type": "input_image", "image_url": url}]}]

    assert refused(asked(said))["param"] == "input[0].content[0].image_url"


@pytest.mark.parametrize(("fields", "param"), TOGETHER)
def test_what_contradicts_itself_is_refused(refused, fields, param):
    assert refused(asked(**fields))["param"].startswith(param)


@pytest.mark.parametrize("name", THEIRS)
def test_a_field_that_does_nothing_here_is_refused_by_name(refused, name):
    error = refused(asked(**{name: "x"}))

    assert (error["param"], error["code"]) == (name, "unknown_parameter")


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_tool_that_runs_elsewhere_is_refused(refused, kind):
    error = refused(asked(tools=[{"type": kind}]))

    assert error["param"] == "tools[0].type"
    assert kind in error["message"]


@pytest.mark.parametrize("name", ["model", "input"])
def test_a_field_that_is_missing_is_named(refused, name):
    error = refused({field: value for field, value in asked().items() if field != name})

    assert (error["param"], error["code"]) == (name, "missing_required_parameter")


@pytest.mark.parametrize(("name", "body"), [(name, body) for name, body, _ in WHOLE], ids=[name for name, *_ in WHOLE])
def test_a_body_that_is_none_is_refused(quiet_world, key, name, body):
    assert 400 <= quiet_world.call("POST", PATH, body, key=key).status < 500


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (413, {"input": "x" * MEGABYTES}),
        (413, {"instructions": "x" * 1_000_001}),
        (413, {"tools": [{**TOOL, "parameters": {"description": "x" * 1_000_001}}]}),
        (404, {"model": "gpt-none"}),
        (400, {"model": "wordllama-256"}),
        (404, {"conversation": "conv_none"}),
        (400, {"input": "word " * 400_000}),
    ],
)
def test_too_much_and_unknown_are_refused(refused, status, fields):
    refused(asked(**fields), status)


@pytest.mark.parametrize("depth", [120, 100_000])
def test_what_is_too_deep_is_refused(quiet_world, key, depth):
    body = json.dumps(asked(tools=[{**TOOL, "parameters": 7}])).replace("7", nested(depth, '{"a":', "}"))

    assert quiet_world.call("POST", PATH, body, key=key).status in {400, 413}


@pytest.mark.parametrize("name", ["x" * 3_000, "%00", "resp_%F0%9F%8C%8A", "..", "resp_" + "f" * 32, "conv_1"])
def test_a_name_that_nothing_has_is_not_found(quiet_world, key, name):
    path = f"{PATH}/{name}"
    calls = [("GET", path), ("DELETE", path), ("GET", f"{path}/input_items"), ("POST", f"{path}/cancel")]

    assert {quiet_world.call(method, each, key=key).status for method, each in calls} == {404}


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "order=up", "after=msg_1"])
def test_a_bad_page_is_refused(world_with_response, query):
    world, key, response = world_with_response

    answer = world.call("GET", f"{PATH}/{response}/input_items?{query}", key=key)

    assert (answer.status, answer.error["param"]) == (400, query.partition("=")[0])


@pytest.fixture(scope="module")
def world_with_response(quiet_world, key):
    return quiet_world, key, quiet_world.call("POST", PATH, asked(), key=key).json["id"]
