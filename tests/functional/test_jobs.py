"""Work that is taken instead of refused: asked for, waited for, done, cancelled, through the whole product."""

import json

import pytest

LATER = {"prefer": "respond-async"}
FULL = "What is a tide? [[fault=429]]"


@pytest.fixture
def key(world):
    return world.key()


def queued(world, key, text="What is a tide?", **headers):
    return world.call(
        "POST",
        "/v1/chat/completions",
        {"model": "nova-lite", "messages": [{"role": "user", "content": text}]},
        key=key,
        headers=headers or LATER,
    )


def job(world, key, answer):
    return world.call("GET", answer.headers["location"], key=key)


def test_a_turn_that_is_to_be_answered_later_is_accepted(world, key):
    answer = queued(world, key)

    assert answer.status == 202
    assert (answer.json["object"], answer.json["status"], answer.json["position"]) == ("job", "queued", 1)
    assert answer.headers["location"] == f"/v1/jobs/{answer.json['id']}"
    assert answer.headers["x-tidegate-job"] == answer.json["id"]
    assert int(answer.headers["retry-after"]) >= 1
    assert "x-ratelimit-remaining-tokens" in answer.headers


def test_a_job_has_its_answer_when_it_was_done(world, key):
    answer = queued(world, key)

    assert world.work() == []

    done = job(world, key, answer).json
    assert (done["status"], done["response"]["object"]) == ("completed", "chat.completion")
    assert "tide" in done["response"]["choices"][0]["message"]["content"]
    assert "position" not in done
    assert done["created_at"] <= done["started_at"] <= done["ended_at"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_saturated_pool_is_a_job_instead_of_a_refusal(world, key, stream):
    answer = world.chat(FULL, key=key, stream=stream)

    assert (answer.status, answer.json["status"]) == (202, "queued")
    assert world.leases()["open"] == 1


def test_a_job_that_was_put_back_has_not_started(world, key):
    answer = world.chat(FULL, key=key)

    world.work()

    assert (job(world, key, answer).json["status"], job(world, key, answer).json["started_at"]) == ("queued", None)


def test_a_job_that_failed_says_why(world, key):
    answer = queued(world, key, "What is a tide? [[fault=400]]")

    world.work()

    failed = job(world, key, answer).json
    assert (failed["status"], failed["error"]["code"]) == ("failed", "model_rejected")
    assert world.used().tokens == 0


def test_a_job_that_is_cancelled_is_never_begun(world, key):
    answer = queued(world, key)

    cancelled = world.call("DELETE", answer.headers["location"], key=key)
    world.work()

    assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
    assert job(world, key, answer).json["status"] == "cancelled"
    assert world.used().requests == 0


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_foreign_job_is_as_unknown_as_none(world, key, method):
    answer = queued(world, key)
    mallory = world.key("mallory", "eve")

    foreign = world.call(method, answer.headers["location"], key=mallory)
    unknown = world.call(method, "/v1/jobs/job_none", key=mallory)

    assert (foreign.status, foreign.error["code"]) == (404, "not_found")
    assert foreign.error["message"].replace(answer.json["id"], "job_none") == unknown.error["message"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_has_one_name(world, key, method):
    answer = queued(world, key)

    assert world.call(method, answer.headers["location"].replace("job_", ""), key=key).status == 404
    assert job(world, key, answer).json["status"] == "queued"


def test_the_answer_of_a_job_costs_what_an_answer_costs(world, key):
    queued(world, key)
    world.work()
    later = world.used()

    world.chat("What is a wave?", key=key)

    assert later.requests == 1
    assert later.tokens > 0
    assert world.leases() == {"settled": 2}


def test_a_question_that_was_answered_before_does_not_wait(world, key):
    world.chat("What is a tide?", key=key)

    answer = queued(world, key)

    assert (answer.status, answer.headers["x-tidegate-cache"]) == (200, "hit")


def test_a_turn_of_a_conversation_may_wait(world, key):
    made = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    body = {"model": "nova-lite", "conversation": made, "messages": [{"role": "user", "content": "What is a tide?"}]}

    world.call("POST", "/v1/chat/completions", body, key=key, headers=LATER)
    world.work()

    items = world.call("GET", f"/v1/conversations/{made}/items", key=key).json["data"]
    assert [each["role"] for each in items] == ["assistant", "user"]


@pytest.mark.parametrize("wish", ["wait=soon", "wait=", "wait=-1", "wait"])
def test_a_wait_that_is_no_number_is_refused(world, key, wish):
    answer = queued(world, key, prefer=wish)

    assert (answer.status, answer.error["param"]) == (400, "Prefer")


@pytest.mark.parametrize(
    "wish", ["return=minimal", "RESPOND-ASYNC", "respond-async, wait=5", 'handling=lenient, wait="0"']
)
def test_other_preferences_are_not_ours(world, key, wish):
    answer = queued(world, key, prefer=wish)

    assert answer.status == (202 if "respond-async" in wish.lower() else 200)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "not a message of a version that is known"),
        ('{"job": "job_1"}', "not a message of a version that is known"),
        ('{"job": "job_1", "line": "acme", "v": 2}', "not a message of a version that is known"),
        ('{"job": 1, "line": "acme"}', "not a message of a version that is known"),
        ('{"job": "job_1", "line": "acme", "also": 1}', "not a message of a version that is known"),
        ('{"job": "job_1", "line": "acme"}', "no such job"),
    ],
)
def test_poison_is_put_aside_with_its_reason(world, key, body, reason):
    answer = queued(world, key)

    assert world.work(body, *world.taken()) == []

    found = world.sqs.receive_message(QueueUrl=world.queues[1], MessageAttributeNames=["All"])["Messages"]
    assert [each["MessageAttributes"]["reason"]["StringValue"] for each in found] == [reason]
    assert job(world, key, answer).json["status"] == "completed"


def test_a_message_for_another_tenant_s_job_is_poison(world, key):
    answer = queued(world, key)
    (body,) = world.taken()

    world.work(json.dumps(json.loads(body) | {"line": "mallory"}))

    assert job(world, key, answer).json["status"] == "queued"
    assert len(world.taken(1)) == 1
