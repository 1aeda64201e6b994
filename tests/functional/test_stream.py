"""A streamed turn, from the recorded event to the last server-sent event."""

import json

import pytest

from tests.builders import an_event
from tests.functional.world import chat_body, events_of


@pytest.fixture
def key(world):
    return world.key()


def said(chunks):
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
    return "".join(delta.get("content", "") for delta in deltas)


def test_a_stream_is_chunks_with_one_id_that_end_in_done(world, key):
    answer = world.stream("What is a tide?", key=key)

    *chunks, done = events_of(answer.body)
    assert done == "[DONE]"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({(chunk["id"], chunk["created"], chunk["model"]) for chunk in chunks}) == 1
    assert all("usage" not in chunk for chunk in chunks)


def test_a_stream_is_marked_as_one(world, key):
    answer = world.stream("What is a tide?", key=key)

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/event-stream"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-tidegate-cache"] == "miss"
    assert answer.headers["x-request-id"] == "22222222-3f0b-4f7f-9a45-1d0a3f6d0b11"


def test_the_role_comes_first_and_the_reason_last(world, key):
    *chunks, _ = events_of(world.stream("What is a tide?", key=key).body)

    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert choices[-1]["delta"] == {}
    assert [choice["finish_reason"] for choice in choices] == [None] * (len(choices) - 1) + ["stop"]


def test_the_pieces_make_the_whole_answer(world, key):
    control = {"no-cache": True, "no-store": True}
    whole = world.chat("What is a tide?", key=key, cache=control).text

    *chunks, _ = events_of(world.stream("What is a tide?", key=key, cache=control).body)

    assert len(chunks) > 5
    assert said(chunks) == whole


def test_usage_comes_in_a_last_chunk_without_choices_where_it_is_asked_for(world, key):
    answer = world.stream("What is a tide?", key=key, stream_options={"include_usage": True})

    *chunks, last, done = events_of(answer.body)
    assert done == "[DONE]"
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == world.used().tokens


def test_a_streamed_tool_call_can_be_put_together(world, key):
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}

    *chunks, _ = events_of(world.stream("look_up a tide", key=key, tools=[tool]).body)

    pieces = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert pieces[0]["index"] == 0
    assert pieces[0]["id"].startswith("call_")
    assert pieces[0]["type"] == "function"
    assert pieces[0]["function"]["name"] == "look_up"
    assert json.loads("".join(piece["function"].get("arguments", "") for piece in pieces)) == {}
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_hit_streams_as_a_miss_does(world, key):
    *missed, _ = events_of(world.stream("What is a tide?", key=key).body)

    answer = world.stream("what is a tide", key=key)

    *hit, done = events_of(answer.body)
    assert answer.headers["x-tidegate-cache"] == "hit"
    assert said(hit) == said(missed)
    assert hit[-1]["choices"][0]["finish_reason"] == "stop"
    assert done == "[DONE]"


def test_a_transport_that_cannot_stream_gets_all_events_at_once(world, key):
    answer = world.chat("What is a tide?", key=key, stream=True)

    *chunks, done = events_of([answer.body])
    assert done == "[DONE]"
    assert "What is a tide" in said(chunks)
    assert world.leases() == {"settled": 1}


def test_the_function_that_streams_answers_whole_where_its_runtime_does_not(world, key):
    body = json.dumps(chat_body("What is a tide?", stream=True))

    answer = world.invoke("stream", an_event("post_chat", key=key, body=body))

    assert answer["statusCode"] == 200
    assert answer["headers"]["Content-Type"] == "text/event-stream"
    assert "What is a tide" in said(events_of([answer["body"].encode()])[:-1])
    assert world.leases() == {"settled": 1}


def test_a_stream_that_would_outlive_its_function_ends_with_an_event_and_is_charged(world, key):
    world.out_of_time()
    conversation = conversation_of(world, key)

    answer = world.stream("What is a tide?", key=key, conversation=conversation)

    role, last = events_of(answer.body)
    assert role["choices"][0]["delta"]["role"] == "assistant"
    assert last["error"]["code"] == "model_timeout"
    assert world.leases() == {"settled": 1}
    assert world.used().requests == 1
    assert stored(world, key, conversation)[1]["status"] == "incomplete"


def test_an_answer_in_one_piece_does_not_depend_on_it(world, key):
    world.out_of_time()
    body = json.dumps(chat_body("What is a tide?"))

    assert world.send("post_chat", key=key, body=body).status == 200


def test_a_fault_before_the_first_piece_is_an_error_response(world, key):
    answer = world.stream("What is a tide? [[fault=refuse]]", key=key)

    assert answer.status == 503
    assert json.loads(answer.body)["error"]["code"] == "model_unavailable"
    assert world.leases() == {"released": 1}


def test_a_fault_on_the_way_is_one_error_event_and_the_end(world, key):
    answer = world.stream("What is a tide? [[fault=cut after=3]]", key=key)

    *chunks, last = events_of(answer.body)
    assert answer.status == 200
    assert len(chunks) == 4  # the role and three pieces
    assert last["error"].keys() == {"message", "type", "param", "code"}
    assert last["error"]["code"] == "model_unavailable"


def conversation_of(world, key):
    return world.call("POST", "/v1/conversations", {}, key=key).json["id"]


def stored(world, key, conversation):
    return world.call("GET", f"/v1/conversations/{conversation}/items?order=asc", key=key).json["data"]


@pytest.mark.parametrize("ending", ["fault", "close"])
def test_a_cut_turn_is_charged_and_remembered_as_far_as_it_came(world, key, ending):
    conversation = conversation_of(world, key)
    question = "What is a tide?" + (" [[fault=cut after=3]]" if ending == "fault" else "")
    answer = world.stream(question, key=key, conversation=conversation)

    if ending == "fault":
        heard = said(event for event in events_of(answer.body) if "choices" in event)
    else:
        heard = said(events_of([next(answer.body) for _ in range(4)]))
        answer.body.close()

    asked, cut = stored(world, key, conversation)
    assert asked["role"] == "user"
    assert cut["status"] == "incomplete"
    assert cut["content"][0]["text"] == heard
    assert heard.startswith("You said: “What")
    assert world.leases() == {"settled": 1}
    assert world.used().requests == 1
    assert world.used().tokens >= 3


def test_a_stream_that_nobody_reads_is_settled_when_it_is_closed(world, key):
    answer = world.stream("What is a tide?", key=key)

    answer.body.close()

    assert list(answer.body) == []
    assert world.leases() == {"settled": 1}
    assert world.used().tokens > 0


def test_a_cut_answer_is_not_cached(world, key):
    answer = world.stream("What is a tide?", key=key)
    next(answer.body)
    answer.body.close()

    assert world.chat("What is a tide?", key=key).headers["x-tidegate-cache"] == "miss"
