"""A stream that breaks in the middle, at each of its pieces: through the app, from the server to the ledger."""

import functools
import itertools

import botocore.session
import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from chalicelib import bootstrap
from chalicelib.domain.breaker import FAILURES
from tests.functional.world import ENVIRONMENT, World, events_of
from tests.upstreams.openai_server import OpenAiServer, Reply

PIECES = 50
WORDS = [f"word{number} " for number in range(PIECES)]
REPLY = Reply(text="".join(WORDS))
_turns = itertools.count()
_shared_loader = functools.cache(create_loader)  # reading the SDK's models takes half of a test's time


@pytest.fixture(scope="module")
def server():
    with OpenAiServer() as server:
        yield server


@pytest.fixture(scope="module")
def world(server):
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setattr(botocore.session, "create_loader", _shared_loader)
        for name, value in {**ENVIRONMENT, "TIDEGATE_UPSTREAM": f"openai+{server.url}"}.items():
            patch.setenv(name, value)
        with mock_aws():
            yield World()
        bootstrap.services.cache_clear()


def conversation_of(world, key):
    return world.call("POST", "/v1/conversations", {}, key=key).json["id"]


def items(world, key, conversation):
    return world.call("GET", f"/v1/conversations/{conversation}/items?order=asc", key=key).json["data"]


def streamed(world, server, number, reply):
    """One streamed turn of a new user, in a conversation."""
    user = f"user{number}"
    if next(_turns) % (FAILURES - 1) == 0:
        world.restart()  # a process that knows nothing of the turns before, and leaves nobody alone
    key = world.key("acme", user)
    conversation = conversation_of(world, key)
    server.replies.append(reply)
    answer = world.stream("Say fifty words.", key=key, conversation=conversation)
    events = events_of(answer.body)
    return answer, events, world.used("acme", user), items(world, key, conversation)


def text_of(events):
    return "".join(
        choice["delta"].get("content", "")
        for event in events
        if event != "[DONE]"
        for choice in event.get("choices", ())
    )


@pytest.mark.parametrize("said", range(1, PIECES + 1))
def test_what_came_is_passed_on_charged_and_marked(world, server, said):
    before = len(server.requests)
    reply = Reply(text=REPLY.text, cut_after=said + 1)  # the first event has the role alone

    answer, events, used, stored = streamed(world, server, said, reply)

    heard = text_of(events)
    assert answer.status == 200
    assert heard == "".join(WORDS[:said])
    assert "[DONE]" not in events
    assert events[-1]["error"].keys() == {"message", "type", "param", "code"}
    assert events[-1]["error"]["code"] == "model_unavailable"
    assert sum("error" in event for event in events) == 1
    assert len(server.requests) == before + 1
    assert used.requests == 1
    assert used.tokens >= said
    assert (stored[-1]["status"], stored[-1]["content"][0]["text"]) == ("incomplete", heard)
    assert "open" not in world.leases()


def test_a_stream_that_breaks_behind_its_last_word_is_whole_or_marked(world, server):
    reply = Reply(text=REPLY.text, cut_after=PIECES + 2)

    _, events, used, stored = streamed(world, server, "last", reply)

    assert text_of(events) == REPLY.text
    assert used.tokens >= PIECES
    assert stored[-1]["status"] == ("incomplete" if "error" in events[-1] else "completed")


def test_what_broke_is_not_answered_from_the_cache(world, server):
    world.restart()
    key = world.key("acme", "later")
    server.replies.append(Reply(text=REPLY.text, cut_after=9))
    events_of(world.stream("Say fifty words again.", key=key).body)
    server.replies.append(REPLY)

    again = world.chat("Say fifty words again.", key=key)

    assert again.headers["x-tidegate-cache"] == "miss"
    assert again.text == REPLY.text
