"""A streamed response, from the recorded event to the last server-sent event."""

import json

import pytest

from chalicelib import bootstrap
from chalicelib.domain.errors import StoreUnavailable
from tests.functional.responses import PATH, TOOL, asked, create, events, retrieve, stream, text_of

BEGINNING = ["response.created", "response.in_progress"]
TEXT = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
CALL = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]


@pytest.fixture
def key(world):
    return world.key()


def kinds(found):
    """The types in order, a run of the same told once."""
    types = [event["type"] for event in found]
    return [each for place, each in enumerate(types) if place == 0 or types[place - 1] != each]


def rows(world):
    return [item for item in world.rows("conversations") if item["sk"]["S"] == "response"]


def test_a_text_comes_in_openais_sequence(world, key):
    answer = stream(world, key)

    found = events(answer.body)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert answer.headers["x-tidegate-cache"] == "miss"
    assert kinds(found) == [*BEGINNING, *TEXT, "response.completed"]
    assert len(found) > 10


def test_every_event_tells_of_the_same_response(world, key):
    *_, last = found = events(stream(world, key, metadata={"a": "b"}).body)

    response = last["response"]
    (item,) = response["output"]
    assert {event["response"]["id"] for event in found if "response" in event} == {response["id"]}
    assert {event["item_id"] for event in found if "item_id" in event} == {item["id"]}
    assert {event["item"]["id"] for event in found if "item" in event} == {item["id"]}
    assert "".join(event["delta"] for event in found if "delta" in event) == text_of(response)
    assert found[0]["response"]["status"] == found[1]["response"]["status"] == "in_progress"
    assert found[0]["response"]["output"] == []
    assert found[-2]["item"] == item


def test_the_last_event_is_what_is_kept(world, key):
    *_, last = events(stream(world, key, tools=[TOOL], instructions="Be brief.").body)

    assert retrieve(world, key, last["response"]) == last["response"]
    assert last["response"]["usage"]["total_tokens"] == world.used().tokens


def test_a_stream_says_what_the_whole_answer_does(world, key):
    cache = {"no-cache": True, "no-store": True}
    whole = create(world, key, cache=cache)

    *_, last = events(stream(world, key, cache=cache).body)

    own = {"id", "created_at", "completed_at", "output"}
    assert {k: v for k, v in last["response"].items() if k not in own} == {
        k: v for k, v in whole.items() if k not in own
    }
    assert text_of(last["response"]) == text_of(whole)


def test_a_call_comes_in_openais_sequence(world, key):
    *_, last = found = events(stream(world, key, "look_up a tide", tools=[TOOL]).body)

    assert kinds(found) == [*BEGINNING, *CALL, "response.completed"]
    (call,) = last["response"]["output"]
    assert found[2]["item"] == {**call, "arguments": "", "status": "in_progress"}
    assert "".join(event["delta"] for event in found if "delta" in event) == call["arguments"]
    assert "what" in json.loads(call["arguments"])


def test_an_answer_that_met_its_cap_ends_as_incomplete(world, key):
    *_, closed, last = events(stream(world, key, "[[tokens=200]] Talk.", max_output_tokens=8).body)

    assert (last["type"], last["response"]["status"]) == ("response.incomplete", "incomplete")
    assert last["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert closed["item"]["status"] == "incomplete"


def test_a_fault_in_the_middle_ends_the_stream_as_failed(world, key):
    *_, closed, last = events(stream(world, key, "[[fault=cut after=3]] Talk to me at length.").body)

    assert last["type"] == "response.failed"
    assert last["response"]["error"]["code"] == "server_error"
    assert closed["type"] == "response.output_item.done"
    assert last["response"]["output"][0]["status"] == "incomplete"
    assert text_of(last["response"])
    assert retrieve(world, key, last["response"]) == last["response"]
    assert world.leases() == {"settled": 1}


def test_a_fault_before_the_first_piece_is_a_plain_error(world, key):
    answer = stream(world, key, "[[fault=500]] Hi")

    assert answer.status == 503
    assert json.loads(answer.body)["error"]["code"] == "model_unavailable"
    assert rows(world) == []


def test_a_response_that_cannot_be_kept_is_not_told_as_complete(world, key, monkeypatch):
    def down(_):
        raise StoreUnavailable("down")

    monkeypatch.setattr(bootstrap.services().threads.responses, "put", down)

    *_, last = events(stream(world, key).body)

    assert (last["type"], last["response"]["error"]["code"]) == ("response.failed", "server_error")
    assert last["response"]["completed_at"] is None


@pytest.mark.parametrize("read", [0, 2, 6])
def test_a_caller_who_leaves_finds_what_was_said_up_to_then(world, key, read):
    answer = stream(world, key, "[[tokens=300]] Talk to me at length.")
    for _ in range(read):
        next(answer.body)

    answer.body.close()

    (row,) = rows(world)
    kept = retrieve(world, key, {"id": row["pk"]["S"]})
    assert kept["status"] == "cancelled"
    assert len(kept["output"]) == (read > 2)
    assert world.leases() == {"settled": 1}
    with pytest.raises(StopIteration):
        next(answer.body)


def test_a_stream_that_was_read_to_its_end_is_closed_without_effect(world, key):
    answer = stream(world, key)
    *_, last = events(answer.body)

    answer.body.close()

    assert retrieve(world, key, last["response"])["status"] == "completed"


def test_a_stream_that_is_not_to_be_stored_is_not(world, key):
    *_, last = events(stream(world, key, store=False).body)
    left = stream(world, key, "Something else", store=False)
    next(left.body)
    left.body.close()

    assert last["response"]["store"] is False
    assert rows(world) == []


def test_a_hit_streams_as_a_miss_does(world, key):
    missed = events(stream(world, key).body)

    answer = stream(world, key)

    found = events(answer.body)
    assert answer.headers["x-tidegate-cache"] == "hit"
    assert kinds(found) == kinds(missed)
    assert text_of(found[-1]["response"]) == text_of(missed[-1]["response"])


def test_a_streamed_thread_is_remembered(world, key):
    *_, last = events(stream(world, key, "My boat is called Gull.").body)

    *_, second = events(stream(world, key, "Which boat?", previous_response_id=last["response"]["id"]).body)

    assert "My boat is called Gull." in text_of(second["response"])


def test_a_transport_that_cannot_stream_gets_all_events_at_once(world, key):
    answer = world.call("POST", PATH, asked(stream=True), key=key)

    assert kinds(events([answer.body])) == [*BEGINNING, *TEXT, "response.completed"]


def test_a_response_that_would_outlive_its_function_is_kept_as_failed(world, key):
    world.out_of_time()

    *_, last = events(stream(world, key).body)

    assert last["type"] == "response.failed"
    assert last["response"]["error"]["message"].startswith("The answer takes longer")
    assert retrieve(world, key, last["response"])["status"] == "failed"
    assert world.leases() == {"settled": 1}
