"""What a turn costs in DynamoDB calls, from a process that knows nothing yet."""

from contextlib import contextmanager

import pytest

from chalicelib import bootstrap
from chalicelib.domain.budget import Limit
from tests.builders import a_credential

QUESTION = "What is a tide?"


@pytest.fixture
def key(world):
    return world.key()


@contextmanager
def counted(world):
    """The names of the DynamoDB calls of a cold process: of its own client, and on the wire, retries included."""
    world.restart()
    services = bootstrap.services()
    client = services.gate.turns._database._connect()
    calls = []
    client.meta.events.register("before-send.dynamodb", lambda request, **_: calls.append(operation(request)))
    yield calls


def operation(request):
    name = request.headers["X-Amz-Target"]
    return (name.decode() if isinstance(name, bytes) else name).partition(".")[2]


def filled(world, key, turns):
    conversation = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    items = [{"role": "user", "content": f"question {n}"} for n in range(10)]
    for _ in range(turns):
        world.call("POST", f"/v1/conversations/{conversation}/items", {"items": items}, key=key)
    return conversation


def test_a_miss_is_one_read_and_three_writes(world, key):
    with counted(world) as calls:
        assert world.chat(QUESTION, key=key).headers["x-tidegate-cache"] == "miss"

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems", "PutItem"]


@pytest.mark.parametrize("fields", [{"max_tokens": 2}, {"stream": True, "max_tokens": 2}])
def test_a_miss_that_is_not_kept_takes_its_lead_back_instead(world, key, fields):
    with counted(world) as calls:
        assert world.chat(QUESTION, key=key, **fields).status == 200

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems", "DeleteItem"]


def test_a_miss_that_fails_takes_its_lead_back(world, key):
    with counted(world) as calls:
        assert world.chat(f"{QUESTION} [[fault=400]]", key=key).status == 400

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems", "DeleteItem"]


def test_a_miss_that_nobody_may_have_is_one_read_and_two_writes(world, key):
    with counted(world) as calls:
        world.chat(QUESTION, key=key, cache={"no-store": True})

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]


def test_who_waits_reads_until_there_is_an_answer(world, key):
    leader = world.stream(QUESTION, key=key)
    with counted(world) as calls:
        pauses = []

        def pause(longest):
            if pauses:
                b"".join(leader.body)
            pauses.append(longest)

        object.__setattr__(bootstrap.services().flights, "pause", pause)
        assert world.chat(QUESTION, key=key).headers["x-tidegate-cache"] == "hit"

    assert calls == ["BatchGetItem", "GetItem", "GetItem", "TransactWriteItems"]


def test_a_hit_is_one_read_and_one_write(world, key):
    world.chat(QUESTION, key=key)

    with counted(world) as calls:
        assert world.chat(QUESTION, key=key).headers["x-tidegate-cache"] == "hit"

    assert calls == ["BatchGetItem", "TransactWriteItems"]


def test_a_hit_in_a_conversation_is_one_read_and_one_write(world, key):
    world.chat(QUESTION, key=key)
    conversation = filled(world, key, turns=0)

    with counted(world) as calls:
        answer = world.chat(QUESTION, key=key, conversation=conversation)

    assert answer.headers["x-tidegate-cache"] == "hit"
    assert calls == ["BatchGetItem", "TransactWriteItems"]


@pytest.mark.parametrize("turns", [0, 1, 30, 60])
def test_a_miss_in_a_conversation_is_four_calls_however_deep_it_is(world, key, turns):
    conversation = filled(world, key, turns)

    with counted(world) as calls:
        answer = world.chat(QUESTION, key=key, conversation=conversation)

    assert answer.status == 200
    assert len(calls) <= 4, calls


@pytest.mark.parametrize("turns", [0, 30])
def test_a_stream_costs_what_a_whole_answer_does(world, key, turns):
    conversation = filled(world, key, turns)

    with counted(world) as calls:
        b"".join(world.stream(QUESTION, key=key, conversation=conversation).body)

    assert len(calls) <= 4, calls


@pytest.mark.parametrize("hot", [0, 2], ids=["exact", "hot, nothing leased"])
def test_a_turn_that_finds_a_limit_used_up_is_one_read(world, hot):
    key = world.key(plan=world.plan(Limit("user", "day", requests=1), name="tight"))
    world.chat(QUESTION, key=key)
    world.plan(Limit("user", "day", requests=1), name="tight", shards=hot, hot=("user",))

    with counted(world) as calls:
        assert world.chat("What is a wave?", key=key).status == 429

    assert calls == ["BatchGetItem"]


def test_a_turn_that_finds_no_place_is_one_read_and_one_write(world):
    key = world.key(plan=world.plan(name="tight", concurrent=1))
    running = world.stream(QUESTION, key=key)

    with counted(world) as calls:
        assert world.chat("What is a wave?", key=key).status == 429

    assert calls == ["BatchGetItem", "TransactWriteItems"]
    running.body.close()


def test_a_turn_that_no_plan_would_ever_admit_is_one_read(world):
    key = world.key(plan=world.plan(Limit("user", "day", tokens=10), name="tight"))

    with counted(world) as calls:
        assert world.chat(QUESTION, key=key).status == 429

    assert calls == ["BatchGetItem"]


def test_a_strangers_turn_is_one_read(world):
    with counted(world) as calls:
        assert world.chat(QUESTION, key=a_credential().token).status == 401

    assert calls == ["BatchGetItem"]


@pytest.mark.parametrize("body", ["{", '{"model": 1}'])
def test_a_bad_body_is_not_looked_up(world, key, body):
    with counted(world) as calls:
        assert world.call("POST", "/v1/chat/completions", body, key=key).status == 400

    assert calls == []


def test_an_embedding_is_one_read_and_two_writes(world, key):
    with counted(world) as calls:
        world.call("POST", "/v1/embeddings", {"model": "wordllama-256", "input": "tide"}, key=key)

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
