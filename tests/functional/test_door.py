"""What every answer says to browsers, whatever it answers, and to the pages of which origins it says more."""

import pytest

from app import app
from chalicelib import bootstrap
from chalicelib.edge.call import MOST_BODY_BYTES
from chalicelib.edge.door import ASKS_FIRST, METHODS
from tests.builders import an_event
from tests.functional.conftest import world
from tests.functional.test_round_trips import counted
from tests.functional.world import ENVIRONMENT, chat_body, filled

__all__ = ["world"]

PAGE = "https://chat.example.com"
ALWAYS = {
    "x-content-type-options": "nosniff",
    "strict-transport-security": "max-age=63072000",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}
ANSWERS = {
    "open": (200, "GET", "/health", None),
    "whole": (200, "POST", "/v1/chat/completions", chat_body("Hi")),
    "streamed": (200, "POST", "/v1/chat/completions", chat_body("Hi", stream=True)),
    "refused": (400, "POST", "/v1/chat/completions", "{"),
    "unknown": (404, "GET", "/v1/jobs/job_1", None),
    "forbidden": (403, "GET", "/admin/plans", None),
    "too large": (413, "POST", "/v1/chat/completions", "x" * (MOST_BODY_BYTES + 1)),
    "broken": (503, "POST", "/v1/chat/completions", chat_body("Hi [[fault=500]]")),
}


@pytest.fixture
def paged(world, monkeypatch):
    monkeypatch.setenv("TIDEGATE_ORIGINS", f"{PAGE},none")
    world.restart()
    return world


def sent(world, method, headers=None, path="/v1/models"):
    """A call with a method that Chalice's test client would not bring."""
    context = {**an_event("get_models")["requestContext"], "httpMethod": method, "resourcePath": path}
    return world.send("get_models", headers=headers or {}, multiValueHeaders={}, requestContext=context)


@pytest.mark.parametrize(("status", "method", "path", "body"), ANSWERS.values(), ids=ANSWERS)
def test_every_answer_has_the_headers_that_browsers_heed(paged, status, method, path, body):
    answer = paged.call(method, path, body, key=paged.key(), headers={"origin": PAGE})

    assert answer.status == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["cache-control"] in {"no-store", "no-cache"}
    assert answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-expose-headers"] == "*"
    assert "Origin" in answer.headers["vary"]


def test_so_has_the_answer_to_a_method_that_a_path_does_not_have(paged):
    answer = sent(paged, "PATCH", {"Origin": PAGE})

    assert (answer.status, answer.headers["allow"]) == (405, "GET, OPTIONS")
    assert b'"code":"method_not_allowed"' in answer.body
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert answer.headers["access-control-allow-origin"] == PAGE


def test_so_has_the_answer_to_whom_is_turned_away_and_to_whom_has_no_key(paged, monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "TIDEGATE_FAILURES_A_MINUTE", "1")
    monkeypatch.setenv("TIDEGATE_FAILURES_A_MINUTE", "1")
    paged.restart()

    answers = [paged.call("GET", "/v1/models", headers={"origin": PAGE}) for _ in range(2)]

    assert [answer.status for answer in answers] == [401, 429]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
        assert answer.headers["access-control-allow-origin"] == PAGE


def test_so_has_the_answer_of_a_product_that_cannot_start(world, monkeypatch):
    monkeypatch.setenv("TIDEGATE_TYPO", "1")
    bootstrap.services.cache_clear()

    answer = world.call("GET", "/v1/models", key="tg_live_x", headers={"origin": PAGE})

    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "none", f"{PAGE}.evil.example", "http://chat.example.com"]
)
def test_a_page_that_is_not_named_may_read_nothing(paged, origin):
    answers = [
        paged.call("GET", "/v1/models", key=paged.key(), headers={"origin": origin}),
        sent(paged, "OPTIONS", {"Origin": origin, "Access-Control-Request-Method": "GET"}),
    ]

    assert [answer.status for answer in answers] == [200, 204]
    for answer in answers:
        assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert answer.headers["vary"] == "Origin"


def test_no_page_is_named_unless_somebody_names_it(world):
    answer = world.call("GET", "/v1/models", key=world.key(), headers={"origin": PAGE})

    assert [name for name in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize("template", app.routes)
def test_a_page_may_ask_first_on_every_path_and_nothing_is_read_for_it(paged, template):
    asks = {"origin": PAGE, "access-control-request-method": "GET", "access-control-request-headers": "authorization"}

    with counted(paged) as calls:
        answer = paged.call("OPTIONS", filled(template), headers=asks)

    assert (answer.status, answer.body, calls) == (204, b"", [])
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-headers"] == "Authorization, *"
    assert answer.headers["access-control-allow-methods"] == "DELETE, GET, POST"
    assert answer.headers["access-control-max-age"] == "7200"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in answer.headers
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


def test_it_is_told_every_method_that_there_is():
    served = {method for methods in app.routes.values() for method in methods}

    assert served == {*METHODS, ASKS_FIRST}


def test_what_no_page_asks_says_nothing_of_pages(paged):
    answer = paged.call("GET", "/v1/models", key=paged.key())

    assert "vary" not in answer.headers
    assert [name for name in answer.headers if name.startswith("access-control")] == []
