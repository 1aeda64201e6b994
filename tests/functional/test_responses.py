"""The Responses API, as its owner uses it."""

import itertools
import json
import time

import msgspec
import pytest

from chalicelib import bootstrap
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.responses import KEPT_SECONDS, MOST_BEFORE
from tests.functional.responses import PATH, TOOL, asked, create, input_items, retrieve, text_of
from tests.functional.world import MODEL

SCHEMA = {"type": "object", "properties": {"depth": {"type": "integer"}}, "required": ["depth"]}


@pytest.fixture
def key(world):
    return world.key()


def status(world, key, response):
    return world.call("GET", f"{PATH}/{response['id']}", key=key).status


def test_a_question_is_answered(world, key):
    response = create(world, key)

    assert response["id"].startswith("resp_")
    assert (response["object"], response["status"], response["model"]) == ("response", "completed", MODEL)
    assert "What is a tide?" in text_of(response)
    assert response["usage"]["total_tokens"] == world.used().tokens
    assert world.leases() == {"settled": 1}


def test_a_response_is_retrieved_as_it_was_created(world, key):
    response = create(world, key, instructions="Be brief.", metadata={"a": "b"}, tools=[TOOL])

    assert retrieve(world, key, response) == response


def test_what_was_asked_is_told_again(world, key):
    wanted = {
        "instructions": "Be brief.",
        "max_output_tokens": 900,
        "metadata": {"topic": "tides"},
        "parallel_tool_calls": False,
        "prompt_cache_key": "p",
        "reasoning": {"effort": None, "summary": None},
        "safety_identifier": "s",
        "temperature": 0.5,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "description": "d", "strict": True}},
        "tool_choice": {"type": "function", "name": "look_up"},
        "tools": [TOOL],
        "top_p": 0.9,
        "truncation": "auto",
        "user": "u",
    }

    response = create(world, key, **wanted)

    wanted["text"]["verbosity"] = "medium"
    assert {name: response[name] for name in wanted} == wanted


def test_instructions_come_first(world, key):
    response = create(world, key, "What is a tide?", instructions="Be brief.")

    with_system = world.chat({"role": "system", "content": "Be brief."}, "What is a tide?", key=key)
    assert text_of(response) == with_system.text


@pytest.mark.parametrize(
    "given",
    [
        "Hi",
        [{"role": "user", "content": "Hi"}],
        [{"type": "message", "role": "user", "content": "Hi"}],
        [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}],
    ],
)
def test_text_and_messages_say_the_same(world, key, given):
    response = create(world, key, given)

    (item,) = input_items(world, key, response)["data"]
    assert item["role"] == "user"
    assert item["content"] == [{"type": "input_text", "text": "Hi"}]
    assert "Hi" in text_of(response)


def test_an_image_is_shown_with_its_detail(world, key):
    part = {"type": "input_image", "image_url": "https://x.test/a.png"}

    response = create(world, key, [{"role": "user", "content": [{"type": "input_text", "text": "See"}, part]}])

    (item,) = input_items(world, key, response)["data"]
    assert item["content"][1] == {**part, "detail": "auto", "file_id": None}


def test_a_schema_is_fitted(world, key):
    form = {"type": "json_schema", "name": "depth", "schema": SCHEMA, "strict": True}

    response = create(world, key, "How deep?", text={"format": form})

    assert json.loads(text_of(response)).keys() == {"depth"}


def test_an_answer_that_met_its_cap_is_incomplete(world, key):
    response = create(world, key, "[[tokens=200]] Talk.", max_output_tokens=8)

    assert response["status"] == "incomplete"
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert response["output"][-1]["status"] == "incomplete"
    assert response["completed_at"] is None


def test_a_tool_is_called_and_its_result_is_answered_from(world, key):
    first = create(world, key, "look_up a tide", tools=[TOOL])
    (call,) = first["output"]

    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "High at noon"}
    second = create(world, key, [result], tools=[TOOL], previous_response_id=first["id"])

    assert (call["type"], call["name"]) == ("function_call", "look_up")
    assert "what" in json.loads(call["arguments"])
    assert "High at noon" in text_of(second)
    (item,) = input_items(world, key, second)["data"]
    assert {name: item[name] for name in result} == result


def test_what_came_out_goes_in_again(world, key):
    first = create(world, key, "look_up a tide", tools=[TOOL])
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
    (call,) = first["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "High at noon"}

    whole = [{"role": "user", "content": "look_up a tide"}, thought, call, result]
    second = create(world, key, whole, tools=[TOOL], store=False)
    message = second["output"][0]
    third = create(world, key, [*whole, {**message, "phase": None}, {"role": "user", "content": "Thanks."}])

    assert "High at noon" in text_of(second)
    assert [item["type"] for item in input_items(world, key, third, "?order=asc")["data"]] == [
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "message",
        "message",
    ]


def test_a_thread_of_three_is_remembered(world, key):
    first = create(world, key, "My boat is called Gull.")
    second = create(world, key, "It is blue.", previous_response_id=first["id"])

    third = create(world, key, "What do you know?", previous_response_id=second["id"])

    assert third["previous_response_id"] == second["id"]
    assert "I remember 4 earlier messages" in text_of(third)
    assert "It is blue." in text_of(third)


def test_two_children_of_one_parent_know_nothing_of_each_other(world, key):
    parent = create(world, key, "My boat is called Gull.")

    left, right = (
        create(world, key, said, previous_response_id=parent["id"]) for said in ("It is blue.", "It is red.")
    )
    end = create(world, key, "What do you know?", previous_response_id=right["id"])

    assert all("I remember 2 earlier messages" in text_of(each) for each in (left, right))
    assert "It is red." in text_of(end)
    assert "blue" not in text_of(end)


def test_instructions_are_not_inherited(world, key):
    parent = create(world, key, "Hello there", instructions="Speak like a pirate.")

    told = create(world, key, "And now?", previous_response_id=parent["id"])

    afresh = world.chat(
        "Hello there", {"role": "assistant", "content": text_of(parent)}, "And now?", key=key, cache={"no-cache": True}
    )
    assert text_of(told) == afresh.text


def test_an_answer_depends_on_what_came_before(world, key):
    """A question that was answered from the cache without a thread is not answered from it within one."""
    create(world, key, "What is a tide?")
    parent = create(world, key, "From now on answer in French.")

    again = create(world, key, "What is a tide?", previous_response_id=parent["id"])

    assert "I remember 2 earlier messages" in text_of(again)


def test_a_deleted_parent_cannot_be_continued_and_a_deleted_ancestor_is_left_out(world, key):
    first = create(world, key, "My boat is called Gull.")
    second = create(world, key, "It is blue.", previous_response_id=first["id"])
    third = create(world, key, "And fast.", previous_response_id=second["id"])
    for each in (first, second):
        world.call("DELETE", f"{PATH}/{each['id']}", key=key)

    on = create(world, key, "What do you know?", previous_response_id=third["id"])
    gone = world.call("POST", PATH, asked(previous_response_id=second["id"]), key=key)

    assert "I remember 2 earlier messages" in text_of(on)
    assert (gone.status, gone.error["code"]) == (400, "previous_response_not_found")
    assert gone.error["param"] == "previous_response_id"


def test_a_thread_looks_back_on_so_many(world, key):
    parent = create(world, key)
    threads, owner = bootstrap.services().threads, _owner_of(world)
    stored = threads.get(owner, parent["id"], time.time())

    thread = tuple(f"resp_{place}" for place in range(MOST_BEFORE))
    for each in thread:
        threads.keep(msgspec.structs.replace(stored, id=each))
    threads.keep(msgspec.structs.replace(stored, thread=thread))

    child = create(world, key, "And now?", previous_response_id=parent["id"])

    assert f"I remember {2 * MOST_BEFORE + 2} earlier messages" in text_of(child)
    assert threads.get(owner, child["id"], time.time()).thread == (*thread[1:], parent["id"])


def _owner_of(world):
    (row,) = world.rows("conversations")
    return row["owner"]["S"].removeprefix("responses#")


def test_a_response_joins_its_conversation(world, key):
    conversation = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    create(world, key, "My boat is called Gull.", conversation=conversation)

    second = create(world, key, "What is my boat called?", conversation={"id": conversation})

    assert second["conversation"] == {"id": conversation}
    assert "My boat is called Gull." in text_of(second)
    items = world.call("GET", f"/v1/conversations/{conversation}/items", key=key).json["data"]
    assert [item["role"] for item in items] == ["assistant", "user"] * 2
    assert retrieve(world, key, second) == second


def test_a_response_that_is_not_to_be_stored_is_not(world, key):
    response = create(world, key, store=False)

    assert response["store"] is False
    assert world.rows("conversations") == []
    assert status(world, key, response) == 404
    again = world.call("POST", PATH, asked(previous_response_id=response["id"]), key=key)
    assert again.error["code"] == "previous_response_not_found"


def test_a_deleted_response_is_gone_for_good(world, key):
    response = create(world, key, "x " * 400_000, max_output_tokens=10)
    path = f"{PATH}/{response['id']}"

    deleted = world.call("DELETE", path, key=key)

    assert deleted.json == {"id": response["id"], "object": "response", "deleted": True}
    calls = [("GET", path), ("DELETE", path), ("GET", f"{path}/input_items"), ("POST", f"{path}/cancel")]
    assert [world.call(method, each, key=key).status for method, each in calls] == [404] * 4
    assert world.rows("conversations") == []


def test_an_expired_response_is_gone_before_it_is_swept_away(world, key, monkeypatch):
    response = create(world, key)
    later = time.time() + KEPT_SECONDS + 1

    monkeypatch.setattr(time, "time", lambda: later)

    assert status(world, key, response) == 404
    again = world.call("POST", PATH, asked(previous_response_id=response["id"]), key=key)
    assert again.error["code"] == "previous_response_not_found"


def calls_on(response):
    path = f"{PATH}/{response}"
    return [
        ("GET", path, None),
        ("DELETE", path, None),
        ("POST", f"{path}/cancel", {}),
        ("GET", f"{path}/input_items", None),
        ("POST", PATH, asked(previous_response_id=response)),
    ]


@pytest.mark.parametrize("place", range(5))
def test_a_foreign_response_is_the_same_as_an_unknown_one(world, key, place):
    foreign = create(world, world.key("acme", "bob"))["id"]
    unknown = "resp_" + "0" * 32
    before = world.everything()

    theirs, nobodys = (
        world.call(method, path, body, key=key)
        for method, path, body in (calls_on(foreign)[place], calls_on(unknown)[place])
    )

    assert theirs.status == nobodys.status == (400 if place == 4 else 404)
    assert theirs.body.decode().replace(foreign, "") == nobodys.body.decode().replace(unknown, "")
    assert world.everything() == before


def test_nobody_learns_of_a_response_with_a_wrong_key(world, key):
    mine = create(world, key)["id"]
    forged = key[:-12] + key[-12:][::-1]

    for response in (mine, "resp_0"):
        assert {world.call(*each[:2], each[2], key=forged).status for each in calls_on(response)} == {401}


def test_another_key_of_the_same_user_reads_and_continues_it(world, key):
    response = create(world, key, "My boat is called Gull.")
    other = world.key()

    assert retrieve(world, other, response) == response
    assert "Gull" in text_of(create(world, other, "Which boat?", previous_response_id=response["id"]))


def pages(world, key, response, *, order, limit):
    after = ""
    while True:
        page = input_items(world, key, response, f"?order={order}&limit={limit}{after}")
        yield page["data"]
        if not page["has_more"]:
            return
        assert page["last_id"] == page["data"][-1]["id"]
        after = f"&after={page['last_id']}"


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 7, 100])
def test_pages_of_input_make_the_whole_list(world, key, order, limit):
    response = create(world, key, [{"role": "user", "content": text} for text in "abcdefg"])

    found = list(pages(world, key, response, order=order, limit=limit))

    items = list(itertools.chain.from_iterable(found))
    assert [item["content"][0]["text"] for item in items] == sorted("abcdefg", reverse=order == "desc")
    assert all(len(page) == limit for page in found[:-1])
    assert len({item["id"] for item in items}) == 7


def test_the_newest_input_comes_first_where_nothing_is_said(world, key):
    response = create(world, key, [{"role": "user", "content": text} for text in "ab"])

    assert [item["content"][0]["text"] for item in input_items(world, key, response)["data"]] == ["b", "a"]


def test_input_of_a_thread_is_what_was_new(world, key):
    parent = create(world, key, "My boat is called Gull.")

    child = create(world, key, "And now?", previous_response_id=parent["id"])

    assert [item["content"][0]["text"] for item in input_items(world, key, child)["data"]] == ["And now?"]


def test_a_page_after_something_else_is_refused(world, key):
    response = create(world, key)

    answer = world.call("GET", f"{PATH}/{response['id']}/input_items?after=msg_1", key=key)

    assert (answer.status, answer.error["param"]) == (400, "after")


def test_a_response_that_is_over_cannot_be_cancelled(world, key):
    response = create(world, key)

    answer = world.call("POST", f"{PATH}/{response['id']}/cancel", key=key)

    assert (answer.status, answer.error["message"]) == (400, "Cannot cancel a synchronous response.")


LONG = "word " * 150_000


def test_a_thread_that_no_longer_fits_is_refused_or_cut(world, key):
    response = {"id": None}
    for _ in range(3):
        response = create(
            world, key, LONG, max_output_tokens=10, previous_response_id=response["id"], truncation="auto"
        )

    refused = world.call("POST", PATH, asked(previous_response_id=response["id"]), key=key)
    cut = create(world, key, "And now?", previous_response_id=response["id"], truncation="auto")

    assert (refused.status, refused.error["code"]) == (400, "context_length_exceeded")
    assert refused.error["param"] == "input"
    assert "I remember 2 earlier messages" in text_of(cut)


def test_an_answer_that_cannot_be_kept_is_not_given(world, key, monkeypatch):
    def down(_):
        raise StoreUnavailable("down")

    threads = bootstrap.services().threads
    monkeypatch.setattr(threads.responses, "put", down)

    answer = world.call("POST", PATH, asked(), key=key)

    assert (answer.status, answer.error["code"]) == (503, "store_unavailable")
    assert "retry-after" in answer.headers
    assert world.leases() == {"settled": 1}


def test_a_fault_of_the_model_keeps_nothing(world, key):
    answer = world.call("POST", PATH, asked("[[fault=500]] Hi"), key=key)

    assert answer.status == 503
    assert world.rows("conversations") == []


@pytest.mark.parametrize("again", ["whole", "streamed"])
def test_a_hit_is_a_response_of_its_own(world, key, again):
    first = create(world, key)

    answer = world.call("POST", PATH, asked(stream=again == "streamed"), key=key)

    assert answer.headers["x-tidegate-cache"] == "hit"
    kept = [item["pk"]["S"] for item in world.rows("conversations") if item["sk"]["S"] == "response"]
    assert len(kept) == 2
    assert first["id"] in kept
