"""Who may be served whose answer, and what the caller may say about it."""

import msgspec
import pytest

from chalicelib.domain.chat import Options
from tests.functional.world import chat_body

QUESTION = "What is a tide?"
OUTCOME = "x-tidegate-cache"


@pytest.fixture
def key(world):
    return world.key()


def outcome(answer):
    assert answer.status == 200
    return answer.headers[OUTCOME]


def test_the_same_question_is_answered_from_the_cache(world, key):
    first = world.chat(QUESTION, key=key)

    second = world.chat("Hello, what is a tide, please?", key=key)

    assert (outcome(first), outcome(second)) == ("miss", "hit")
    assert second.json["choices"] == first.json["choices"]
    assert second.json["id"] != first.json["id"]
    assert second.headers["x-tidegate-target"] == first.headers["x-tidegate-target"]
    assert second.headers["x-tidegate-attempts"] == "0"


def test_a_hit_counts_a_request_and_burns_no_token(world, key):
    world.chat(QUESTION, key=key)
    before = world.used()

    world.chat(QUESTION, key=key)

    after = world.used()
    assert (after.requests, after.tokens, after.usd_micros) == (2, before.tokens, before.usd_micros)


def test_a_second_key_of_the_same_user_shares_the_answer(world, key):
    world.chat(QUESTION, key=key)

    assert outcome(world.chat(QUESTION, key=world.key())) == "hit"


@pytest.mark.parametrize("owner", [("acme", "bob"), ("other", "ada"), ("other", "bob")])
def test_nobody_else_is_served_the_answer(world, key, owner):
    world.chat(QUESTION, key=key)

    assert outcome(world.chat(QUESTION, key=world.key(*owner))) == "miss"


def test_a_plan_may_let_a_tenants_users_share(world):
    world.plan(name="sharing", shares_answers=True)
    ada, bob = (world.key("acme", user, plan="sharing") for user in ("ada", "bob"))
    world.chat(QUESTION, key=ada)

    assert outcome(world.chat(QUESTION, key=bob)) == "hit"


def test_sharing_ends_at_the_tenant(world):
    world.plan(name="sharing", shares_answers=True)
    world.chat(QUESTION, key=world.key("acme", "ada", plan="sharing"))

    assert outcome(world.chat(QUESTION, key=world.key("other", "ada", plan="sharing"))) == "miss"


def test_a_key_that_does_not_share_neither_gives_nor_takes(world, key):
    world.plan(name="sharing", shares_answers=True)
    sharer = world.key("acme", "bob", plan="sharing")
    world.chat(QUESTION, key=key)

    assert outcome(world.chat(QUESTION, key=sharer)) == "miss"
    assert outcome(world.chat(QUESTION, key=world.key("acme", "carol"))) == "miss"


@pytest.mark.parametrize(
    "change",
    [
        {"model": "claude-haiku-4-5"},
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"stop": "zzz"},
        {"seed": 7},
        {"presence_penalty": 0.5},
        {"frequency_penalty": 0.5},
        {"response_format": {"type": "json_object"}},
        {"reasoning_effort": "low"},
        {"parallel_tool_calls": False},
    ],
)
def test_another_request_is_another_answer(world, key, change):
    world.chat(QUESTION, key=key)

    assert outcome(world.chat(QUESTION, key=key, **change)) == "miss"
    assert set(change) <= {"model", *Options.__struct_fields__}


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}, QUESTION],
        ["From now on, rhyme.", {"role": "assistant", "content": "I do, too."}, QUESTION],
        [{"role": "user", "content": QUESTION, "name": "ada"}],
        ["What is a wave?"],
    ],
)
def test_other_messages_are_another_answer(world, key, messages):
    world.chat(QUESTION, key=key)

    assert outcome(world.chat(*messages, key=key)) == "miss"


def test_an_alias_of_a_smaller_cap_is_served_what_fits(world, key):
    tokens = world.chat(QUESTION, key=key).json["usage"]["completion_tokens"]

    assert outcome(world.chat(QUESTION, key=key, max_tokens=tokens)) == "hit"
    assert outcome(world.chat(QUESTION, key=key, max_tokens=tokens - 1)) == "miss"


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({}, {"no-cache": True}, "miss"),
        ({"no-store": True}, {}, "miss"),
        ({}, {"no-store": True}, "hit"),
        ({"no-cache": True}, {}, "hit"),
        ({"ttl": 0}, {}, "miss"),
        ({"ttl": 60}, {}, "hit"),
        ({}, {"no-cache": True, "no-store": True}, "bypass"),
    ],
)
def test_the_caller_has_a_word(world, key, first, second, expected):
    world.chat(QUESTION, key=key, cache=first)

    assert outcome(world.chat(QUESTION, key=key, cache=second)) == expected


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("What is the weather?", {}),
        (QUESTION, {"temperature": 1.5}),
        (QUESTION, {"tools": [{"type": "function", "function": {"name": "f"}}]}),
        (QUESTION, {"logit_bias": {"1": 5}}),
        ({"role": "user", "content": [{"type": "text", "text": QUESTION}]}, {}),
    ],
)
def test_what_would_grow_stale_or_is_not_plain_bypasses_the_cache(world, key, message, fields):
    for _ in range(2):
        assert outcome(world.chat(message, key=key, **fields)) == "bypass"
    assert world.rows("answers") == []


@pytest.mark.parametrize("fields", [{"max_tokens": 2}, {"stream": True, "max_tokens": 2}])
def test_a_cut_answer_is_not_kept(world, key, fields):
    world.chat(QUESTION, key=key, **fields)

    assert world.rows("answers") == []


def test_a_streamed_answer_serves_a_whole_one(world, key):
    b"".join(world.stream(QUESTION, key=key).body)

    assert outcome(world.chat(QUESTION, key=key)) == "hit"


def test_an_answer_of_another_scope_under_the_same_key_is_not_served(world, key):
    """A key is a digest; what is served is checked against the scope that it was stored with."""
    world.chat(QUESTION, key=key)
    (row,) = world.rows("answers")
    body = msgspec.json.decode(row["body"]["B"])
    row["body"] = {"B": msgspec.json.encode({**body, "scope": "1:somebody:else"})}
    world.dynamodb.put_item(TableName="tidegate-functional-answers", Item=row)

    assert outcome(world.chat(QUESTION, key=key)) == "miss"


@pytest.mark.parametrize(
    ("header", "first", "second"),
    [
        ("no-cache", "miss", "miss"),
        ("max-age=0", "miss", "miss"),
        ("No-Store", "miss", "miss"),
        ("no-cache, no-store", "bypass", "bypass"),
        ("max-age=60", "miss", "hit"),
    ],
)
def test_the_header_says_what_the_body_may_say(world, key, header, first, second):
    asked = [
        world.call("POST", "/v1/chat/completions", chat_body(QUESTION), key=key, headers={"cache-control": header})
        for _ in range(2)
    ]

    assert [outcome(answer) for answer in asked] == [first, second]


def test_the_body_goes_before_the_header(world, key):
    body = chat_body(QUESTION, cache={})
    for _ in range(2):
        answer = world.call("POST", "/v1/chat/completions", body, key=key, headers={"cache-control": "no-cache"})

    assert outcome(answer) == "hit"
