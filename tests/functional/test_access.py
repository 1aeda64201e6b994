"""Who is let in, and what a key without the scope may do."""

import time

import pytest

from chalicelib.domain.identity import parse_token
from tests.builders import a_credential
from tests.functional.world import ROUTES

STRANGER = a_credential("acme", "ada", number=99).token


GOOD = {
    "/v1/cache/feedback": {"id": "chatcmpl-1", "correct": False},
    "/v1/chat/completions": {"model": "nova-lite", "messages": [{"role": "user", "content": "Hi"}]},
    "/v1/embeddings": {"model": "wordllama-256", "input": "tide"},
    "/v1/responses": {"model": "nova-lite", "input": "Hi"},
    "/v1/conversations/conv_1": {"metadata": {}},
    "/v1/conversations/conv_1/items": {"items": [{"role": "user", "content": "Hi"}]},
}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_bad_key_is_refused_in_the_same_words(world, method, path):
    keys = [
        STRANGER,
        world.key(revoked_at=1),
        world.key(expires_at=int(time.time()) - 1),
        world.key(digest="0" * 64),
        world.key(digest=""),
    ]
    body = None if method in {"GET", "DELETE"} else GOOD.get(path, {})

    answers = [world.call(method, path, body, key=key) for key in keys]

    assert {(answer.status, answer.body) for answer in answers} == {(401, answers[0].body)}


def test_health_needs_no_key(world):
    answer = world.call("GET", "/health")

    assert (answer.status, answer.json) == (200, {"status": "ok"})


@pytest.mark.parametrize(("scopes", "status"), [({"chat"}, 403), ({"admin"}, 200), ({"chat", "admin"}, 200)])
def test_a_deep_check_is_for_admins(world, scopes, status):
    answer = world.call("GET", "/health?deep=1", key=world.key(scopes=frozenset(scopes)))

    assert answer.status == status


def test_a_deep_check_without_a_key_is_unauthorized(world):
    assert world.call("GET", "/health?deep=1").status == 401


def test_a_deep_check_names_every_dependency_and_target(world):
    answer = world.call("GET", "/health?deep=1", key=world.key(scopes=frozenset({"admin"})))

    assert (answer.json["status"], answer.json["checks"]) == ("ok", {"database": "ok"})
    assert {"nova-lite", "wordllama-256"} <= {each["model"] for each in answer.json["targets"]}
    assert {each["state"] for each in answer.json["targets"]} == {"up"}


def test_a_wrong_token_of_a_known_key_is_charged_to_nobody(world):
    credential = parse_token(world.key())
    before = world.everything()
    guess = a_credential("acme", "ada", number=1 | 1 << 100)

    answer = world.chat("Hi", key=guess.token)

    assert guess.key_id == credential.key_id
    assert answer.status == 401
    assert world.everything() == before
