"""Responses in the background: in line at once, worked off by a worker, polled, streamed and stopped."""

import dataclasses

import msgspec
import pytest

from chalicelib import bootstrap
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.routes import responses as routes
from tests.functional.responses import PATH, TOOL, asked, create, events, input_items, retrieve, stream, text_of


@pytest.fixture
def key(world):
    return world.key()


def again(world, key, response, query="?stream=true"):
    answer = world.call("GET", f"{PATH}/{response['id']}{query}", key=key)
    assert answer.status == 200
    return events_of(answer.body)


def events_of(body):
    return events([body])


def background(world, key, said="What is a tide?", **fields):
    return create(world, key, said, background=True, **fields)


def cancel(world, key, response):
    return world.call("POST", f"{PATH}/{response['id']}/cancel", key=key)


@pytest.fixture
def worked_while_waiting(world, monkeypatch):
    """Whoever waits for a job lets the worker work."""
    services = bootstrap.services()
    lane = dataclasses.replace(services.lane, pause=lambda _: world.work(), patience_seconds=60)
    busy = dataclasses.replace(services, lane=lane)
    monkeypatch.setattr(routes, "services", lambda: busy)


def test_it_answers_at_once_and_is_polled_until_it_is_complete(world, key):
    response = background(world, key, metadata={"a": "b"})
    waiting = retrieve(world, key, response)
    world.work()
    done = retrieve(world, key, response)

    assert (response["status"], response["background"], response["output"]) == ("queued", True, [])
    assert waiting == response
    assert (done["status"], done["metadata"]) == ("completed", {"a": "b"})
    assert "What is a tide?" in text_of(done)
    assert done["usage"]["total_tokens"] == world.used().tokens
    assert done["completed_at"] >= done["created_at"]
    assert retrieve(world, key, response) == done
    assert world.leases() == {"settled": 1}


def test_it_is_told_where_to_ask_and_when(world, key):
    answer = world.call("POST", PATH, asked(background=True), key=key)

    assert answer.status == 200
    assert answer.headers["location"] == f"{PATH}/{answer.json['id']}"
    assert answer.headers["x-tidegate-job"] == f"job_{answer.json['id'].removeprefix('resp_')}"
    assert int(answer.headers["retry-after"]) >= 1


def test_who_prefers_not_to_wait_is_answered_with_a_response_in_the_background(world, key):
    answer = world.call("POST", PATH, asked(), key=key, headers={"prefer": "respond-async"})
    world.work()

    assert (answer.status, answer.json["status"], answer.json["background"]) == (202, "queued", True)
    assert retrieve(world, key, answer.json)["status"] == "completed"


def test_its_job_is_looked_at_only_until_it_is_over(world, key):
    """What came of it is kept with the response, which outlives the job."""
    response = background(world, key)
    world.work()
    done = retrieve(world, key, response)
    for item in world.rows("jobs"):
        world.dynamodb.delete_item(TableName="tidegate-functional-jobs", Key={"pk": item["pk"], "sk": item["sk"]})

    assert retrieve(world, key, response) == done


def test_one_whose_job_was_forgotten_has_failed(world, key):
    response = background(world, key)
    for item in world.rows("jobs"):
        world.dynamodb.delete_item(TableName="tidegate-functional-jobs", Key={"pk": item["pk"], "sk": item["sk"]})

    lost = retrieve(world, key, response)

    assert (lost["status"], lost["error"]["code"]) == ("failed", "server_error")


def test_a_fault_of_the_model_is_in_the_response(world, key):
    response = background(world, key, "[[fault=400]] Hi")
    world.work()

    failed = retrieve(world, key, response)

    assert (failed["status"], failed["error"]["code"]) == ("failed", "invalid_prompt")
    assert failed["output"] == []


def test_an_answer_that_met_its_cap_is_incomplete(world, key):
    response = background(world, key, "[[tokens=200]] Talk.", max_output_tokens=8)
    world.work()

    assert retrieve(world, key, response)["incomplete_details"] == {"reason": "max_output_tokens"}


def test_it_is_continued_once_it_is_finished(world, key):
    response = background(world, key, "look_up a tide", tools=[TOOL])
    early = world.call("POST", PATH, asked(previous_response_id=response["id"]), key=key)
    world.work()
    (call,) = retrieve(world, key, response)["output"]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "High at noon"}

    child = create(world, key, [result], tools=[TOOL], previous_response_id=response["id"])

    assert (early.status, early.error["param"]) == (400, "previous_response_id")
    assert "High at noon" in text_of(child)


def test_it_can_be_continued_before_anybody_looked_at_it(world, key):
    response = background(world, key, "My boat is called Gull.")
    world.work()

    assert "Gull" in text_of(create(world, key, "Which boat?", previous_response_id=response["id"]))


def test_it_continues_another_in_the_background(world, key):
    parent = create(world, key, "My boat is called Gull.")

    child = background(world, key, "Which boat?", previous_response_id=parent["id"])
    world.work()

    assert "My boat is called Gull." in text_of(retrieve(world, key, child))
    assert len(input_items(world, key, child)["data"]) == 1


def test_one_that_waits_is_cancelled_and_costs_nothing(world, key):
    response = background(world, key)

    answer = cancel(world, key, response)
    world.work()

    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert retrieve(world, key, response) == answer.json
    assert cancel(world, key, response).json == answer.json
    assert world.used().tokens == 0


def test_one_that_is_complete_stays_so_when_it_is_cancelled(world, key):
    response = background(world, key)
    world.work()

    assert cancel(world, key, response).json["status"] == "completed"


def test_one_that_is_deleted_while_it_waits_stays_away(world, key):
    response = background(world, key)

    deleted = world.call("DELETE", f"{PATH}/{response['id']}", key=key)
    world.work()

    assert deleted.json["deleted"] is True
    assert world.call("GET", f"{PATH}/{response['id']}", key=key).status == 404
    assert world.used().tokens == 0


def test_one_that_is_deleted_while_it_is_looked_at_stays_away(world, key, monkeypatch):
    response = background(world, key)
    world.work()
    store = bootstrap.services().threads.responses
    found = store.get

    def gone_meanwhile(owner, name):
        kept = found(owner, name)
        store.delete(owner, name)
        return kept

    monkeypatch.setattr(store, "get", gone_meanwhile)

    assert world.call("GET", f"{PATH}/{response['id']}", key=key).status == 404
    assert not [row for row in world.rows("conversations") if row["sk"]["S"] == "response"]


def test_one_that_cannot_be_kept_is_not_worked_on(world, key, monkeypatch):
    def down(_):
        raise StoreUnavailable("down")

    monkeypatch.setattr(bootstrap.services().threads.responses, "put", down)

    answer = world.call("POST", PATH, asked(background=True), key=key)
    world.work()

    assert answer.status == 503
    assert world.used().tokens == 0


def test_one_that_is_not_to_be_stored_cannot_wait(world, key):
    refused = world.call("POST", PATH, asked(background=True, store=False), key=key)
    impatient = world.call("POST", PATH, asked(store=False), key=key, headers={"prefer": "respond-async"})
    world.work()

    assert (refused.status, refused.error["param"]) == (400, "background")
    assert (impatient.status, impatient.error["code"]) == (503, "model_overloaded")
    assert world.used().tokens == 0


def test_a_known_answer_needs_no_line(world, key):
    create(world, key)

    response = background(world, key)

    assert (response["status"], response["background"]) == ("completed", True)


def test_a_stream_tells_what_comes_of_it(world, key, worked_while_waiting):
    found = events(stream(world, key, background=True).body)

    assert [event["type"] for event in found[:4]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.output_item.added",
    ]
    assert [event["response"]["status"] for event in found[:3]] == ["queued", "queued", "in_progress"]
    assert found[-1]["type"] == "response.completed"
    assert retrieve(world, key, found[-1]["response"]) == found[-1]["response"]


@pytest.mark.parametrize("said", ["What is a tide?", "look_up a tide", "[[fault=400]] Hi"])
def test_a_stream_goes_on_behind_any_event_of_it(world, key, worked_while_waiting, said):
    whole = events(stream(world, key, said, background=True, tools=[TOOL]).body)
    response = whole[0]["response"]

    for number in range(len(whole)):
        answer = world.call("GET", f"{PATH}/{response['id']}?stream=true&starting_after={number}", key=key)
        assert [each["sequence_number"] for each in numbered(answer.body)] == list(range(number + 1, len(whole)))
        assert numbered(answer.body) == whole[number + 1 :]
    assert again(world, key, response) == whole


def numbered(body):
    blocks = body.decode().split("\n\n")[:-1]
    return [msgspec.json.decode(block.partition("data: ")[2]) for block in blocks]


def test_a_stream_ends_early_where_nobody_works_and_goes_on_later(world, key, monkeypatch):
    services = bootstrap.services()
    impatient = dataclasses.replace(services, lane=dataclasses.replace(services.lane, patience_seconds=-1))
    monkeypatch.setattr(routes, "services", lambda: impatient)

    found = events(stream(world, key, background=True).body)
    world.work()
    rest = world.call("GET", f"{PATH}/{found[0]['response']['id']}?stream=true&starting_after=1", key=key)

    assert [event["type"] for event in found] == ["response.created", "response.queued"]
    assert numbered(rest.body)[0]["type"] == "response.in_progress"
    assert numbered(rest.body)[-1]["type"] == "response.completed"


@pytest.mark.parametrize("query", ["?stream=true", "?stream=maybe", "?stream=true&starting_after=x"])
def test_another_response_is_not_streamed_again(world, key, query):
    response = create(world, key)

    assert world.call("GET", f"{PATH}/{response['id']}{query}", key=key).status == 400


def test_nobody_else_sees_it(world, key):
    response = background(world, key)
    bob = world.key("acme", "bob")

    path = f"{PATH}/{response['id']}"
    calls = [("GET", path), ("GET", f"{path}?stream=true"), ("POST", f"{path}/cancel"), ("DELETE", path)]
    assert [world.call(method, each, key=bob).status for method, each in calls] == [404] * 4
    assert retrieve(world, key, response)["status"] == "queued"
