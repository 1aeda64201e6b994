"""What a plan allows, and what the headers say is left."""

import re

import pytest

from chalicelib.domain.budget import Limit
from chalicelib.domain.identity import Tenant

NO_STORE = {"no-cache": True, "no-store": True}


@pytest.fixture
def key(world):
    return world.key(plan="tight")


def test_a_plan_without_limits_has_no_headers(world):
    world.plan(name="free")

    answer = world.chat("Hi", key=world.key(plan="free"))

    assert not [name for name in answer.headers if name.startswith("x-ratelimit")]


def test_the_headers_say_what_is_left(world, key):
    world.plan(Limit("user", "day", requests=10, tokens=100_000), name="tight")

    answers = [world.chat("Hi", key=key, cache=NO_STORE) for _ in range(2)]

    tokens = [answer.json["usage"]["total_tokens"] for answer in answers]
    left = [{name[12:]: value for name, value in a.headers.items() if name.startswith("x-ratelimit-")} for a in answers]
    assert [each["limit-requests"] for each in left] == ["10", "10"]
    assert [each["remaining-requests"] for each in left] == ["9", "8"]
    assert [each["limit-tokens"] for each in left] == ["100000", "100000"]
    assert [each["remaining-tokens"] for each in left] == [str(100_000 - tokens[0]), str(100_000 - sum(tokens))]
    assert all(each["reset-requests"].endswith("s") and each["reset-tokens"].endswith("s") for each in left)


def test_a_reached_limit_of_requests_is_429_and_charges_nothing(world, key):
    world.plan(Limit("user", "day", requests=2), name="tight")
    for _ in range(2):
        world.chat("Hi", key=key, cache=NO_STORE)
    before = world.everything()

    refused = world.chat("Hi", key=key, cache=NO_STORE)

    assert refused.status == 429
    assert refused.error["type"] == "rate_limit_error"
    assert refused.error["code"] == "rate_limit_exceeded"
    assert "requests per day of the user (2)" in refused.error["message"]
    assert 0 < int(refused.headers["retry-after"]) <= 86_400
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert world.everything() == before


def test_a_request_that_could_burn_more_than_is_left_is_refused_before_the_model(world, key):
    world.plan(Limit("user", "day", tokens=1_000), name="tight")

    refused = world.chat("Hi", key=key, max_tokens=990)
    admitted = world.chat("Hi", key=key, max_tokens=500)

    assert refused.status == 429
    assert "tokens per day of the user (1000)" in refused.error["message"]
    assert admitted.status == 200


def test_a_request_larger_than_the_whole_limit_is_told_not_to_come_back(world, key):
    world.plan(Limit("user", "day", tokens=3_000), name="tight")

    refused = world.chat("Hi", key=key, max_tokens=4_000)

    assert refused.status == 429
    assert "more than the whole limit; it can never be admitted" in refused.error["message"]
    assert refused.headers["x-should-retry"] == "false"
    assert refused.headers["x-ratelimit-remaining-tokens"] == "3000"
    assert "retry-after" not in refused.headers


def test_what_a_turn_did_not_burn_is_given_back(world, key):
    world.plan(Limit("user", "day", tokens=1_000), name="tight")

    answers = [world.chat("Hi", key=key, max_tokens=700, cache=NO_STORE) for _ in range(3)]

    assert [answer.status for answer in answers] == [200] * 3


def test_a_streamed_turn_is_refused_as_a_whole_one_is(world, key):
    world.plan(Limit("user", "day", requests=0), name="tight")

    refused = world.stream("Hi", key=key)

    assert refused.status == 429
    assert refused.headers["content-type"] == "application/json"


def test_a_hit_counts_against_requests_but_not_tokens(world, key):
    world.plan(Limit("user", "day", requests=3, tokens=100_000), name="tight")
    world.chat("Hi", key=key)

    hits = [world.chat("Hi", key=key) for _ in range(3)]

    assert [hit.status for hit in hits] == [200, 200, 429]
    left = [hit.headers["x-ratelimit-remaining-tokens"] for hit in hits]
    assert len(set(left)) == 1


@pytest.mark.parametrize(
    ("subject", "other", "status"),
    [
        ("key", ("acme", "ada"), 200),
        ("user", ("acme", "ada"), 429),
        ("user", ("acme", "bob"), 200),
        ("tenant", ("acme", "bob"), 429),
        ("tenant", ("other", "ada"), 200),
    ],
)
def test_a_limit_is_shared_by_what_it_names(world, key, subject, other, status):
    world.plan(Limit(subject, "day", requests=1), name="tight")
    world.chat("Hi", key=key)

    assert world.chat("Hi", key=world.key(*other, plan="tight")).status == status


def test_money_is_a_limit_too(world, key):
    world.plan(Limit("user", "month", usd_micros=3), name="tight")

    refused = world.chat("Hi", key=key, max_tokens=5_000)

    assert refused.status == 429
    assert "dollars per month of the user ($0.000003)" in refused.error["message"]
    assert re.search(r"This request needs \$0\.0\d+, more than", refused.error["message"])


def test_embeddings_are_limited_too(world, key):
    world.plan(Limit("user", "day", requests=1), name="tight")
    body = {"model": "wordllama-256", "input": "tide"}

    answers = [world.call("POST", "/v1/embeddings", body, key=key) for _ in range(2)]

    assert [answer.status for answer in answers] == [200, 429]
    assert answers[0].headers["x-ratelimit-remaining-requests"] == "0"


def test_a_refused_turn_leaves_the_conversation_as_it_was(world, key):
    conversation = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    world.plan(Limit("user", "day", requests=0), name="tight")

    world.chat("Hi", key=key, conversation=conversation)

    assert world.call("GET", f"/v1/conversations/{conversation}/items", key=key).json["data"] == []


def test_a_key_of_a_plan_that_is_gone_is_the_operators_fault(world):
    answer = world.chat("Hi", key=world.key(plan="nowhere"))

    assert answer.status == 500
    assert answer.error["code"] == "misconfigured"
    assert "nowhere" not in answer.error["message"]


def test_a_tenants_own_plan_holds_for_all_its_keys(world, key):
    world.plan(name="tight")
    world.plan(Limit("tenant", "day", requests=2), Limit("user", "day", requests=1), name="company")
    world.keys.change_tenant("acme", lambda _: Tenant("acme", "company"))
    key_of_bob = world.key(user="bob", plan="tight")

    answers = [world.chat("Hi", key=each) for each in (key, key, key_of_bob, world.key(user="eve", plan="tight"))]

    assert [answer.status for answer in answers] == [200, 429, 200, 429]
    assert "requests per day of the user (1)" in answers[1].error["message"]
    assert "requests per day of the tenant (2)" in answers[3].error["message"]


def test_a_tenants_own_plan_narrows_the_models(world, key):
    world.plan(name="tight")
    world.plan(name="company", models=("claude-haiku-4-5",))
    world.keys.change_tenant("acme", lambda _: Tenant("acme", "company"))

    assert world.chat("Hi", key=key).status == 404


def test_concurrent_requests_end_with_their_streams(world, key):
    world.plan(name="tight", concurrent=1)
    running = world.stream("Hi", key=key)

    refused = world.chat("Hello", key=key)
    b"".join(running.body)
    admitted = world.chat("Hello", key=key)

    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert "concurrent requests of the key (1)" in refused.error["message"]
    assert admitted.status == 200


def test_a_refusals_headers_tell_of_the_limit_that_refused(world):
    plan = world.plan(Limit("user", "day", tokens=100_000), Limit("tenant", "day", tokens=1_500), name="two")
    key = world.key(plan=plan)
    while (answer := world.chat("What is a tide?", key=key, max_tokens=500, cache={"no-cache": True})).status == 200:
        pass

    assert "tokens per day of the tenant (1500)" in answer.error["message"]
    assert answer.headers["x-ratelimit-limit-tokens"] == "1500"
    assert f", {answer.headers['x-ratelimit-remaining-tokens']} left" in answer.error["message"]
