"""A whole turn through `POST /v1/chat/completions`."""

import json

import pytest

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture
def key(world):
    return world.key()


def test_an_answer_has_openais_shape(world, key):
    answer = world.chat("What is a tide?", key=key)

    assert answer.status == 200
    body = answer.json
    (choice,) = body.pop("choices")
    assert choice.pop("message").keys() == {"role", "content", "refusal", "annotations"}
    assert choice == {"index": 0, "finish_reason": "stop", "logprobs": None}
    usage = body.pop("usage")
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["prompt_tokens_details"] == {"cached_tokens": 0}
    assert body.pop("id").startswith("chatcmpl-")
    assert isinstance(body.pop("created"), int)
    assert body == {"object": "chat.completion", "model": "nova-lite"}


def test_an_answer_says_how_it_came_about(world, key):
    answer = world.chat("What is a tide?", key=key)

    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert answer.headers["x-tidegate-target"] == "simulated://echo"
    assert answer.headers["x-tidegate-attempts"] == "1"
    assert answer.headers["x-tidegate-overhead-ms"].isdigit()
    assert answer.headers["x-tidegate-cache"] == "miss"


def test_the_model_reads_the_newest_message(world, key):
    answer = world.chat({"role": "system", "content": "Be brief."}, "What is a tide?", key=key)

    assert "“What is a tide?”" in answer.text


def test_earlier_messages_of_a_request_reach_the_model(world, key):
    earlier = {"role": "assistant", "content": "Hello."}

    answer = world.chat("My name is Ada.", earlier, "What is my name?", key=key)

    assert "2 earlier messages; before that you said: “My name is Ada.”" in answer.text


def test_content_may_come_in_parts_and_images_are_shown(world, key):
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]

    answer = world.chat({"role": "user", "content": parts}, key=key)

    assert "“What is this?”. You showed 1 image." in answer.text


def test_a_model_calls_a_tool_and_reads_its_result(world, key):
    call = world.chat("Please get_weather for me", key=key, tools=[WEATHER])
    asked = call.json["choices"][0]
    (wanted,) = asked["message"]["tool_calls"]
    result = {"role": "tool", "tool_call_id": wanted["id"], "content": "21 degrees"}

    answer = world.chat("Please get_weather for me", asked["message"], result, key=key, tools=[WEATHER])

    assert asked["finish_reason"] == "tool_calls"
    assert asked["message"]["content"] is None
    assert wanted["type"] == "function"
    assert wanted["function"]["name"] == "get_weather"
    assert json.loads(wanted["function"]["arguments"]).keys() == {"city"}
    assert answer.text == "The tool answered: “21 degrees”."


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("none", "stop"),
        ("auto", "stop"),
        ("required", "tool_calls"),
        ({"type": "function", "function": {"name": "get_weather"}}, "tool_calls"),
    ],
)
def test_a_tool_choice_is_obeyed(world, key, choice, reason):
    answer = world.chat("Hello", key=key, tools=[WEATHER], tool_choice=choice)

    assert answer.json["choices"][0]["finish_reason"] == reason


def test_a_json_object_is_answered_where_it_is_asked_for(world, key):
    answer = world.chat("Answer in JSON", key=key, response_format={"type": "json_object"})

    assert isinstance(json.loads(answer.text), dict)


def test_an_answer_fits_the_schema_that_is_asked_for(world, key):
    schema = WEATHER["function"]["parameters"]
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema, "strict": True}}

    answer = world.chat("Which city?", key=key, response_format=wanted)

    assert json.loads(answer.text).keys() == {"city"}


@pytest.mark.parametrize("stop", ["tide", ["xyz", "tide"]])
def test_an_answer_ends_before_a_stop_sequence(world, key, stop):
    answer = world.chat("What is a tide?", key=key, stop=stop)

    assert answer.text == "You said: “What is a "
    assert answer.json["choices"][0]["finish_reason"] == "stop"


def test_a_seed_reaches_the_model(world, key):
    first, second = (world.chat("What is a tide?", key=key, seed=seed) for seed in (0, 1))

    assert first.text != second.text
    assert second.headers["x-tidegate-cache"] == "miss"


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_an_answer_is_cut_at_its_cap(world, key, name):
    answer = world.chat("What is a tide?", key=key, **{name: 3})

    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert answer.json["usage"]["completion_tokens"] == 3


def test_every_option_of_openai_that_means_something_here_is_taken(world, key):
    answer = world.chat(
        "What is a tide?",
        key=key,
        frequency_penalty=0.5,
        logit_bias={"50256": -100},
        logprobs=False,
        metadata={"trace": "1"},
        modalities=["text"],
        n=1,
        parallel_tool_calls=None,
        presence_penalty=-0.5,
        prompt_cache_key="k",
        reasoning_effort="low",
        safety_identifier="s",
        service_tier="auto",
        store=False,
        stream=False,
        temperature=0,
        top_p=1,
        user="u",
    )

    assert answer.status == 200


@pytest.mark.parametrize(
    ("fault", "status", "code", "charged"),
    [
        ("400", 400, "model_rejected", False),
        ("refuse", 503, "model_unavailable", False),
        ("500", 503, "model_unavailable", False),
        ("garbage", 502, "model_garbled", True),
    ],
)
def test_a_fault_of_the_model_is_charged_only_where_tokens_may_have_been_burned(
    world, key, fault, status, code, charged
):
    answer = world.chat(f"What is a tide? [[fault={fault}]]", key=key)

    assert (answer.status, answer.error["code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 503)
    assert bool(world.used().tokens) == charged
    assert world.leases()["open"] == 0


def test_what_is_charged_is_what_the_answer_says(world, key):
    usage = world.chat("What is a tide?", key=key).json["usage"]

    used = world.used()

    assert used == world.used(kind="tenant")
    assert (used.requests, used.tokens) == (1, usage["total_tokens"])
    assert used.usd_micros == -(-(usage["prompt_tokens"] * 60_000 + usage["completion_tokens"] * 240_000) // 10**6)
    assert world.leases() == {"settled": 1}


def test_a_body_may_come_as_base64(world, key):
    answer = world.send("post_chat_base64", key=key)

    assert answer.status == 200
    assert "“What is a tide?”" in json.loads(answer.body)["choices"][0]["message"]["content"]


def test_a_body_may_be_given_to_chalices_test_client_as_bytes(world, key):
    body = json.dumps({"model": "nova-lite", "messages": [{"role": "user", "content": "Hi"}]}).encode()

    assert world.call("POST", "/v1/chat/completions", body, key=key).status == 200
