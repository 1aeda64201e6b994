"""The planner's figures against whole turns: what `infra/plan/counts.json` says a turn asks for is what it asks for."""

import re
from collections import Counter

import pytest

from chalicelib import bootstrap
from infra.plan import counts
from tests.functional.test_round_trips import operation

KINDS = counts.read().kinds
ASKED, BETWEEN, AGAIN = "How do I boil an egg?", "What is a tide?", "How can I boil an egg?"


@pytest.fixture
def key(world):
    return world.key()


@pytest.fixture
def taken(world, key):
    """The calls of one turn of a process that is warm."""

    def take(*texts, stream=False, **fields):
        for text in texts[:-1]:
            world.chat(text, key=key, **fields)
        calls = Counter()
        client = bootstrap.services().gate.turns._database._connect()
        client.meta.events.register("before-send.dynamodb", lambda request, **_: calls.update([snake(request)]))
        if stream:
            b"".join(world.stream(texts[-1], key=key, **fields).body)
        else:
            assert world.chat(texts[-1], key=key, **fields).status == 200
        return calls

    return take


def snake(request):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation(request)).lower()


def measured(kind):
    """Whole calls: what comes once in ten turns is not of the turn."""
    return {name: round(calls) for name, calls in KINDS[kind].calls.items() if round(calls)}


def test_a_hit(taken):
    assert taken(BETWEEN, BETWEEN) == measured("exact_hit")


def test_a_miss(taken):
    assert taken(BETWEEN, ASKED) == measured("miss")


def test_a_stream(taken):
    assert taken(BETWEEN, ASKED, stream=True) == measured("stream")


def test_a_turn_of_a_conversation(world, key, taken):
    conversation = world.call("POST", "/v1/conversations", {}, key=key).json["id"]

    assert taken(BETWEEN, ASKED, AGAIN, conversation=conversation) == measured("conversation")


def test_a_miss_where_meanings_are_looked_up(world, taken, monkeypatch):
    world.serving_by_meaning(monkeypatch)

    assert taken(BETWEEN, "What is a wave?", ASKED) == measured("semantic_miss")


def test_a_hit_by_meaning(world, taken, monkeypatch):
    monkeypatch.setenv("TIDEGATE_CHECK_RATE", "0")
    world.serving_by_meaning(monkeypatch)

    assert taken(ASKED, BETWEEN, AGAIN) == measured("semantic_hit")
