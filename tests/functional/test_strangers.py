"""Calls without a usable key: the same refusal on every route, whatever they ask."""

import pytest

from tests.functional.world import ROUTES

HEADERS = [{}] + [
    {"authorization": value} for value in ("", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer tg_live_a_b")
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", HEADERS, ids=str)
def test_a_call_without_a_usable_key_is_unauthorized(quiet_world, method, path, headers):
    body = None if method in {"GET", "DELETE"} else "{"

    answer = quiet_world.call(method, path, body, headers=headers)

    assert answer.status == 401
    assert answer.error.keys() == {"message", "type", "param", "code"}
    assert (answer.error["type"], answer.error["code"]) == ("authentication_error", "invalid_api_key")
    assert answer.headers["x-request-id"]
