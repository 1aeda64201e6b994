"""Conversations that the gateway remembers, from the model's side and from the reader's."""

import pytest

PATH = "/v1/conversations"


@pytest.fixture
def key(world):
    return world.key()


@pytest.fixture
def conversation(world, key):
    return world.call("POST", PATH, {}, key=key).json["id"]


def items_in(world, key, conversation, query="order=asc&limit=100"):
    return world.call("GET", f"{PATH}/{conversation}/items?{query}", key=key).json["data"]


def texts(items):
    return [item["content"][0]["text"] for item in items]


def test_the_model_receives_what_was_said_before(world, key, conversation):
    world.chat("My name is Ada.", key=key, conversation=conversation)

    answer = world.chat("What is my name?", key=key, conversation=conversation)

    assert answer.json["conversation"] == conversation
    assert answer.text.endswith("I remember 2 earlier messages; before that you said: “My name is Ada.”.")


def test_every_item_is_there_once_and_in_order(world, key, conversation):
    answers = [world.chat(f"Question {n}", key=key, conversation=conversation).text for n in range(3)]

    items = items_in(world, key, conversation)

    assert texts(items) == [part for n in range(3) for part in (f"Question {n}", answers[n])]
    assert [item["role"] for item in items] == ["user", "assistant"] * 3
    assert {item["status"] for item in items} == {"completed"}
    assert len({item["id"] for item in items}) == 6


def test_a_streamed_turn_is_remembered_like_a_whole_one(world, key, conversation):
    b"".join(world.stream("My name is Ada.", key=key, conversation=conversation).body)

    answer = world.chat("What is my name?", key=key, conversation=conversation)

    assert "“My name is Ada.”" in answer.text
    assert len(items_in(world, key, conversation)) == 4


def test_a_hit_is_remembered_too(world, key, conversation):
    world.chat("What is a tide?", key=key)

    hit = world.chat("What is a tide?", key=key, conversation=conversation)

    assert hit.headers["x-tidegate-cache"] == "hit"
    assert texts(items_in(world, key, conversation)) == ["What is a tide?", hit.text]


@pytest.mark.parametrize(
    ("first", "again", "outcome"),
    [
        ("What is a tide?", "What is a tide?", "hit"),
        ("Why is that?", "Why is that?", "bypass"),
        ("My name is Ada. What is a tide?", "What is a tide?", "bypass"),
    ],
)
def test_behind_history_only_a_question_that_stands_alone_is_looked_for(
    world, key, conversation, first, again, outcome
):
    world.chat("What is a tide?", key=key)
    world.chat(first, key=key, conversation=conversation)

    answer = world.chat(again, key=key, conversation=conversation)

    assert answer.headers["x-tidegate-cache"] == outcome


def test_instructions_sent_with_every_turn_reach_the_model_once(world, key, conversation):
    system = {"role": "system", "content": "Be brief."}
    usages = [world.chat(system, "Question", key=key, conversation=conversation).json["usage"] for _ in range(3)]

    without = world.call("POST", PATH, {}, key=key).json["id"]
    bare = [world.chat("Question", key=key, conversation=without).json["usage"] for _ in range(3)]

    extra = [one["prompt_tokens"] - other["prompt_tokens"] for one, other in zip(usages, bare, strict=True)]
    assert len(set(extra)) == 1


def test_a_failed_turn_leaves_no_trace(world, key, conversation):
    world.chat("What is a tide? [[fault=refuse]]", key=key, conversation=conversation)

    assert items_in(world, key, conversation) == []
    assert world.chat("Hello", key=key, conversation=conversation).status == 200


def test_a_turn_that_may_have_burned_tokens_is_remembered_as_cut(world, key, conversation):
    world.chat("What is a tide? [[fault=garbage]]", key=key, conversation=conversation)

    asked, cut = items_in(world, key, conversation)

    assert (asked["status"], cut["status"]) == ("completed", "incomplete")
    assert cut["role"] == "assistant"


def test_a_tool_turn_is_remembered_as_call_and_output(world, key, conversation):
    tool = {"type": "function", "function": {"name": "look_up"}}
    asked = world.chat("look_up a tide", key=key, tools=[tool], conversation=conversation)
    (call,) = asked.json["choices"][0]["message"]["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "high"}

    answer = world.chat(result, key=key, tools=[tool], conversation=conversation)

    _, called, output, said = items_in(world, key, conversation)
    assert answer.text == "The tool answered: “high”."
    assert (called["type"], called["call_id"], called["name"]) == ("function_call", call["id"], "look_up")
    assert (output["type"], output["call_id"], output["output"]) == ("function_call_output", call["id"], "high")
    assert texts([said]) == [answer.text]


def test_two_conversations_do_not_mix(world, key, conversation):
    other = world.call("POST", PATH, {}, key=key).json["id"]
    world.chat("My name is Ada.", key=key, conversation=conversation)

    answer = world.chat("What is my name, really?", key=key, conversation=other)

    assert "It is the first message" in answer.text


def test_items_added_by_hand_are_read_by_the_model(world, key, conversation):
    item = {"type": "message", "role": "user", "content": "My name is Ada."}
    world.call("POST", f"{PATH}/{conversation}/items", {"items": [item]}, key=key)

    answer = world.chat("What is my name?", key=key, conversation=conversation)

    assert "“My name is Ada.”" in answer.text


def test_a_deleted_item_is_not_read_by_the_model(world, key, conversation):
    world.chat("My name is Ada.", key=key, conversation=conversation)
    name = items_in(world, key, conversation)[0]["id"]
    world.call("DELETE", f"{PATH}/{conversation}/items/{name}", key=key)

    answer = world.chat("What is my name?", key=key, conversation=conversation)

    assert "before that you said" not in answer.text
