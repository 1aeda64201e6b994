"""Work that waits, through the OpenAI client for Python, unmodified: a burst costs time, and no answer."""

import json
import os
import shutil
import signal

import pytest
from openai.types.chat import ChatCompletion

from tests.clients.product import MODEL, Product, ask, in_conversation, items_of, said, text_of
from tests.infra.runs import eventually
from tests.upstreams.openai_server import OpenAiServer, Reply

AT_ONCE = {"extra_headers": {"Prefer": "respond-async"}}
FULL = Reply(status=429, headers={"retry-after": "1"}, body=b"{}")
FULL_FOR_LONG = Reply(status=429, headers={"retry-after": "8"}, body=b"{}")
HANG = Reply(hang_after=0)


@pytest.fixture(scope="module")
def upstream():
    with OpenAiServer() as server:
        yield server


@pytest.fixture(scope="module")
def fronted(upstream, clone, state, tmp_path_factory):
    directory = shutil.copytree(state, tmp_path_factory.mktemp("jobs") / "local")
    run = Product(clone, directory, UPSTREAM=f"openai+{upstream.url}", UPSTREAM_KEY="sk-any")
    try:
        yield run.until_ready()
    finally:
        run.bury()


@pytest.fixture
def client(fronted, upstream):
    upstream.replies.clear()
    upstream.requests.clear()
    with fronted.client() as client:
        yield client


def taken(client, text, **options):
    """The job that a question became, as it was then."""
    messages = [{"role": "user", "content": text}]
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=messages, **options)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/jobs/{json.loads(answer.content)['id']}"
    assert int(answer.headers["retry-after"]) >= 1
    return json.loads(answer.content)


def job(client, name):
    return client.get(f"/jobs/{name}", cast_to=dict)


def done(client, name):
    """The job when it is over."""
    assert eventually(lambda: job(client, name)["status"] not in {"queued", "in_progress"})
    return job(client, name)


def answer_of(found):
    assert found["status"] == "completed", found
    return ChatCompletion.model_validate(found["response"]).choices[0].message.content


def asked(upstream, text):
    """How often the model was, for an answer to this."""
    return sum(request.body["messages"][-1]["content"] == text for request in upstream.requests)


def test_a_turn_that_may_wait_is_taken_at_once_and_asked_for_until_it_is_done(client, upstream):
    waiting = taken(client, "What is a tide?", **AT_ONCE)

    assert answer_of(done(client, waiting["id"])) == "Echo: What is a tide?"
    assert asked(upstream, "What is a tide?") == 1


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_while_the_quota_is_used_up_is_answered_only_later(client, upstream, stream):
    upstream.replies.extend([FULL] * 2)
    text = f"After the quota, {stream}"

    answer = text_of(ask(client, text, stream=True)) if stream else said(client, text)

    assert answer == f"Echo: {text}"
    assert len(upstream.requests) == 3


def test_who_does_not_want_to_wait_for_a_quota_is_told_where_to_ask(client, upstream):
    upstream.replies.extend([FULL] * 2)

    waiting = taken(client, "Not now", extra_headers={"Prefer": "wait=0"})

    assert (waiting["status"], waiting["position"]) == ("queued", 1)
    assert answer_of(done(client, waiting["id"])) == "Echo: Not now"


def test_a_job_that_is_cancelled_in_the_line_asks_no_model_from_then_on(client, upstream):
    upstream.replies.extend([FULL_FOR_LONG] * 2)  # a worker that looks at it meanwhile is told so too
    waiting = taken(client, "Never mind", extra_headers={"Prefer": "wait=0"})

    client.delete(f"/jobs/{waiting['id']}", cast_to=dict)

    assert done(client, waiting["id"])["status"] == "cancelled"
    before = asked(upstream, "Never mind")
    assert said(client, "And now?") == "Echo: And now?"
    assert asked(upstream, "Never mind") == before <= 2


def test_the_worker_that_is_killed_costs_no_answer_that_was_promised(start, upstream):
    """Nothing here waits for the lease of a worker: the test says that it ran out."""
    upstream.requests.clear()
    upstream.replies.append(HANG)
    first = start(UPSTREAM=f"openai+{upstream.url}", UPSTREAM_KEY="sk-any")
    with first.client() as client:
        conversation = client.conversations.create()
        promised = taken(client, "Whatever happens", **AT_ONCE, **in_conversation(conversation))
        assert eventually(lambda: asked(upstream, "Whatever happens") == 1)

    os.kill(first.children()["worker"], signal.SIGKILL)
    code, message = first.end()
    second = start(UPSTREAM=f"openai+{upstream.url}", UPSTREAM_KEY="sk-any")
    second.books().let_lease_run_out(promised["id"])

    assert code != 0
    assert "the worker was killed by SIGKILL" in message
    with second.client() as client:
        assert answer_of(done(client, promised["id"])) == "Echo: Whatever happens"
        assert [item.role for item in items_of(client, conversation)] == ["user", "assistant"]
    assert asked(upstream, "Whatever happens") == 2
