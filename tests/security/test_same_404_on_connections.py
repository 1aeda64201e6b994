"""On a connection too, somebody else's job, chat or conversation is the same as one that nobody has."""

import json

import pytest

from tests.functional.conftest import world
from tests.functional.test_sockets import connect, exchange
from tests.security.objects import OWNER, STRANGERS, asked, made, unlike

__all__ = ["connect", "exchange", "world"]


@pytest.fixture
def theirs(world, connect):
    """What an owner has, a chat on a connection among it."""
    key = world.key(*OWNER)
    line = connect(key)
    (accepted,) = line.ask("theirs", "What is a tide?")
    return {**made(world, key), "running": accepted["job"], "line": line}


@pytest.fixture(params=STRANGERS, ids="@".join)
def stranger(world, connect, theirs, request):
    return connect(world.key(*request.param), "two")


@pytest.mark.parametrize("kind", ["running", "job_id", "response_id", "conversation_id"])
@pytest.mark.parametrize("after", [0, 1])
def test_what_is_anothers_cannot_be_resumed(world, theirs, stranger, kind, after):
    name = theirs[kind]

    (told,) = stranger.say(type="resume", job=name, after=after, id="x")
    (unknown,) = stranger.say(type="resume", job=unlike(name), after=after, id="x")

    assert told["error"]["code"] == "not_found"
    assert json.dumps(told).replace(name, unlike(name)) == json.dumps(unknown)
    world.work()
    assert stranger.frames[1:] == [told, unknown]
    assert theirs["line"].frames[-1]["type"] == "done"


@pytest.mark.parametrize("name", ["theirs", "job"])
def test_what_is_anothers_cannot_be_cancelled(world, theirs, stranger, name):
    name = {"job": theirs["running"]}.get(name, name)

    (told,) = stranger.say(type="cancel", id=name)
    (unknown,) = stranger.say(type="cancel", id="nobodys")

    assert told["error"]["code"] == "not_found"
    assert json.dumps(told).replace(name, "nobodys") == json.dumps(unknown)
    world.work()
    assert theirs["line"].frames[-1]["type"] == "done"


def test_a_chat_goes_on_in_no_conversation_of_anothers(world, theirs, stranger):
    before = world.leases()
    name = theirs["conversation_id"]

    frames = [stranger.say(type="chat", id="x", request=asked(conversation=each)) for each in (name, unlike(name))]

    assert [each["error"]["code"] for (each,) in frames] == ["not_found"] * 2
    assert json.dumps(frames[0]).replace(name, unlike(name)) == json.dumps(frames[1])
    assert world.leases() == before
