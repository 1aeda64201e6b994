"""The semantic tier in whole turns: the shipped judge, the offline embedder, the log in DynamoDB."""

import json

import pytest

from chalicelib import bootstrap
from tests.functional.test_round_trips import counted, operation

ASKED, AGAIN = "How do I boil an egg?", "How can I boil an egg?"
OTHER = "How do I boil an egg for 7 minutes?", "How do I boil an egg for 9 minutes?"


@pytest.fixture
def serving(world, monkeypatch):
    return world.serving_by_meaning(monkeypatch)


@pytest.fixture
def key(world):
    return world.key()


def outcome(answer):
    return answer.headers["x-tidegate-cache"]


def test_a_question_in_other_words_gets_the_answer(serving, key):
    first = serving.chat(ASKED, key=key)

    again = serving.chat(AGAIN, key=key)

    assert (outcome(first), outcome(again)) == ("miss", "semantic")
    assert again.text == first.text
    assert 0.9 < float(again.headers["x-tidegate-similarity"]) <= 1
    assert serving.used().requests == 2


def test_a_changed_number_does_not(serving, key):
    serving.chat(OTHER[0], key=key)

    answer = serving.chat(OTHER[1], key=key)

    assert outcome(answer) == "miss"
    assert OTHER[1] in answer.text


def test_a_stream_is_answered_in_pieces(serving, key):
    serving.chat(ASKED, key=key)

    answer = serving.stream(AGAIN, key=key)

    assert answer.headers["x-tidegate-cache"] == "semantic"
    assert b"".join(answer.body).endswith(b"data: [DONE]\n\n")


def test_the_question_that_was_answered_is_told(serving, key):
    first = serving.chat(ASKED, key=key)
    whole = serving.chat(AGAIN, key=key)

    pieces = b"".join(serving.stream(AGAIN, key=key).body).split(b"\n\n")

    opening = json.loads(pieces[0].removeprefix(b"data: "))
    assert whole.json["tidegate"] == opening["tidegate"] == {"question": ASKED}
    assert "tidegate" not in first.json
    assert not [each for each in pieces[1:] if b"tidegate" in each]


def test_the_question_of_another_user_is_not_told(serving):
    plan = serving.plan(name="sharing", shares_answers=True)
    serving.chat(ASKED, key=serving.key(plan=plan))

    answer = serving.chat(AGAIN, key=serving.key("acme", "bob", plan=plan))

    assert outcome(answer) == "semantic"
    assert "tidegate" not in answer.json


def test_a_conversation_remembers_how_alike_the_questions_were(serving, key):
    conversation = serving.call("POST", "/v1/conversations", {}, key=key).json["id"]
    serving.chat(ASKED, key=key)
    answer = serving.chat(AGAIN, key=key, conversation=conversation)

    (told, _) = serving.call("GET", f"/v1/conversations/{conversation}/items", key=key).json["data"]

    assert told["tidegate"]["cache"] == "semantic"
    assert f"{told['tidegate']['similarity']:.3f}" == answer.headers["x-tidegate-similarity"]
    assert "usage" not in told["tidegate"]


def test_another_process_finds_it_too(serving, key):
    serving.chat(ASKED, key=key)
    serving.restart()

    assert outcome(serving.chat(AGAIN, key=key)) == "semantic"


@pytest.mark.parametrize("owner", [("acme", "bob"), ("evil", "ada")])
def test_nobody_else_does(serving, key, owner):
    serving.chat(ASKED, key=key)

    assert outcome(serving.chat(AGAIN, key=serving.key(*owner))) == "miss"


def test_users_of_a_tenant_that_shares_do(serving):
    plan = serving.plan(name="sharing", shares_answers=True)
    serving.chat(ASKED, key=serving.key(plan=plan))

    assert outcome(serving.chat(AGAIN, key=serving.key("acme", "bob", plan=plan))) == "semantic"
    assert outcome(serving.chat(AGAIN, key=serving.key("evil", "bob", plan=plan))) == "miss"


def test_a_miss_is_still_four_calls(serving, key):
    with counted(serving) as calls:
        assert outcome(serving.chat(ASKED, key=key)) == "miss"

    assert calls == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems", "TransactWriteItems"]


def test_a_semantic_hit_is_two_reads_and_two_writes_where_nothing_changed(serving, key):
    serving.chat(ASKED, key=key)
    serving.chat("What is a tide?", key=key)
    calls = []
    client = bootstrap.services().gate.turns._database._connect()
    client.meta.events.register("before-send.dynamodb", lambda request, **_: calls.append(operation(request)))

    assert outcome(serving.chat(AGAIN, key=key)) == "semantic"

    assert calls == ["BatchGetItem", "BatchGetItem", "TransactWriteItems", "PutItem"]


def test_in_shadow_it_only_watches(world, key, monkeypatch):
    monkeypatch.setenv("TIDEGATE_SEMANTIC", "shadow")
    monkeypatch.setenv("TIDEGATE_SEMANTIC_MS", "20000")
    world.restart()
    world.chat(ASKED, key=key)

    answer = world.chat(AGAIN, key=key)

    assert outcome(answer) == "miss"
    assert float(answer.headers["x-tidegate-similarity"]) > 0.9


def test_the_index_may_take_as_much_memory_as_is_set(world, monkeypatch):
    monkeypatch.setenv("TIDEGATE_INDEX_MB", "3")
    world.serving_by_meaning(monkeypatch)

    assert bootstrap.services().cache.semantic.meanings().index._most_bytes == 3 * 1024 * 1024


def test_a_question_too_long_to_be_compared_is_still_answered_and_kept_as_it_is(serving, key):
    long = "How do I boil an egg? " + "Really. " * 4_000

    first, again = serving.chat(long, key=key), serving.chat(long, key=key)

    assert (outcome(first), outcome(again)) == ("miss", "hit")


@pytest.mark.parametrize("question", ["🥚", "?", "   ", "\u0000", "那么怎么煮鸡蛋呢", "e" * 3_000])
def test_a_question_of_any_kind_is_answered(serving, key, question):
    serving.chat(ASKED, key=key)

    assert serving.chat(question, key=key).status == 200
