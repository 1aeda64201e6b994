"""Nobody is let in by a header that is not a key, however near it is to one: 401, the same words, no fault of ours.

What a refusal costs is counted in digests, and told in microseconds with `-s`.
"""

import contextlib
import logging
import time

import pytest

from chalicelib.domain.errors import Unauthorized
from chalicelib.domain.identity import Peppers, parse_token, verify
from tests.builders import NOW, PEPPERS, a_credential, a_key
from tests.functional.conftest import module_patch, quiet_world
from tests.functional.test_authorisation import BODIES, SCOPES
from tests.functional.world import ROUTES, filled
from tests.security.headers import headers

__all__ = ["module_patch", "quiet_world"]

SEED = 20_260_823
COUNT = 10_000
LOCKED = [route for route, scope in SCOPES.items() if scope]
FIRST_WORDS = [{}] + [
    {"authorization": value} for value in ("", "Bearer", "Bearer x", "Basic dXNlcjpwYXNz", "Bearer tg_live_a_b")
]


@pytest.fixture(autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def digests(monkeypatch):
    """Every digest that is made, by the version of its pepper."""
    made = []
    digest = Peppers.digest

    def counted(self, token, version):
        made.append(version)
        return digest(self, token, version)

    monkeypatch.setattr(Peppers, "digest", counted)
    return made


def test_ten_thousand_headers_let_nobody_in(quiet_world, digests):
    token = quiet_world.key(scopes=frozenset({"chat", "admin"}))
    before = quiet_world.everything()
    refusals, most = set(), 0

    for number, (text, allowed) in enumerate(headers(SEED, token, COUNT)):
        method, path = LOCKED[number % len(LOCKED)]
        digests.clear()
        body = BODIES[path] if method == "POST" else None

        answer = quiet_world.call(method, filled(path), body, headers={"authorization": text})

        assert answer.status == 401, (number, text[:200])
        assert len(digests) <= allowed, (number, text[:200])
        refusals.add((answer.error["type"], answer.error["code"], answer.error["param"]))
        most = max(most, len(answer.body))

    print(f"seed {SEED}: {COUNT} headers, {COUNT} times 401")  # noqa: T201
    assert refusals == {("authentication_error", "invalid_api_key", None)}
    assert most < 300
    assert quiet_world.everything() == before
    assert quiet_world.call("GET", "/v1/models", key=token).status == 200


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("headers", FIRST_WORDS, ids=str)
def test_a_call_without_a_usable_key_is_unauthorized(quiet_world, method, path, headers):
    body = None if method in {"GET", "DELETE"} else "{"

    answer = quiet_world.call(method, path, body, headers=headers)

    assert answer.status == 401
    assert answer.error.keys() == {"message", "type", "param", "code"}
    assert (answer.error["type"], answer.error["code"]) == ("authentication_error", "invalid_api_key")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("name", ["x-api-key", "api-key", "proxy-authorization", "cookie", "x-authorization"])
def test_a_key_in_another_header_is_none(quiet_world, name):
    token = quiet_world.key()

    assert quiet_world.call("GET", "/v1/models", headers={name: f"Bearer {token}"}).status == 401


@pytest.mark.parametrize("name", ["key", "api_key", "access_token", "authorization", "token"])
def test_a_key_in_the_query_is_none(quiet_world, name):
    token = quiet_world.key()

    assert quiet_world.call("GET", f"/v1/models?{name}={token}").status == 401


def test_to_verify_costs_one_digest_whoever_asks(digests):
    good, unknown = a_credential(), a_credential(number=7)
    key, gone = a_key(good), a_key(good, revoked_at=NOW)

    for credential, stored in ((good, key), (unknown, None), (unknown, key), (good, gone)):
        before = len(digests)
        with contextlib.suppress(Unauthorized):
            verify(credential, stored, PEPPERS, NOW)
        assert len(digests) - before == 1


def test_to_read_a_token_costs_no_digest(digests):
    assert parse_token(a_credential().token)

    assert digests == []


def test_how_long_a_verification_takes():
    credential = a_credential()
    key = a_key(credential)
    began = time.process_time()
    for _ in range(COUNT):
        assert verify(parse_token(credential.token), key, PEPPERS, NOW).tenant == "acme"

    print(f"to verify a key takes {(time.process_time() - began) / COUNT * 1e6:.1f} µs of the processor")  # noqa: T201
