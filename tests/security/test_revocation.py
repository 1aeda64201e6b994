"""A key that is revoked is good for nothing more: at once on every route, in every process, and on its connections.

Only a plan that fails open lets a key in that it saw lately, for less than 60 s, and only while the database is away.
"""

import time
from random import Random

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib import bootstrap
from chalicelib.domain.errors import StoreUnavailable, Unauthorized
from chalicelib.domain.identity import parse_token
from chalicelib.pipeline.identify import KNOWN_SECONDS
from tests.functional.conftest import world
from tests.functional.rights import acting
from tests.functional.test_authorisation import BODIES, SCOPES
from tests.functional.test_sockets import connect, exchange
from tests.functional.world import filled

__all__ = ["connect", "exchange", "world"]

SEED = 24
LOAD = 300
PROCESSES = 4
LOCKED = [route for route, scope in SCOPES.items() if scope]
CAUSES = ["revoked", "expired", "rotated"]


@pytest.fixture
def admin(world):
    return world.key("acme", "root", scopes=frozenset({"chat", "admin"}))


@pytest.fixture
def revoke(world, admin):
    def revoked(key):
        answer = world.call("DELETE", f"/admin/keys/{parse_token(key).key_id}", key=admin)
        assert answer.status == 200, answer.body

    return revoked


@pytest.fixture
def end(world, admin, revoke):
    """End a key in one of the ways in which one ends."""

    def ended(key, cause):
        key_id = parse_token(key).key_id
        if cause == "revoked":
            revoke(key)
        elif cause == "expired":
            world.keys.expire(key_id, 1)
        else:
            assert world.call("POST", f"/admin/keys/{key_id}/rotate", {"overlap_seconds": 0}, key=admin).status == 200

    return ended


@pytest.fixture
def processes(world):
    """Several that were started at other times, each with what it remembers."""

    def started():
        world.restart()
        return bootstrap.services()

    return [started() for _ in range(PROCESSES)]


def lets_in(process, key, now):
    try:
        process.gate.caller(parse_token(key), turn_id="0" * 32, now=now)
    except Unauthorized:
        return False
    return True


def test_under_load_the_last_call_that_is_let_in_came_before(processes, world, revoke):
    key, other = world.key(), world.key("acme", "bob")
    random, now, after = Random(SEED), time.time(), LOAD // 2

    admitted = []
    for number in range(LOAD):
        if number == after:
            revoke(key)
        process = random.choice(processes)
        assert lets_in(process, other, now)
        admitted.append(lets_in(process, key, now))

    assert admitted == [True] * after + [False] * (LOAD - after)


@pytest.mark.parametrize("cause", CAUSES)
def test_no_route_takes_a_key_that_ended(world, end, cause):
    key = world.key(scopes=frozenset({"chat", "admin"}))
    assert world.call("GET", "/v1/models", key=key).status == 200
    end(key, cause)

    for method, path in LOCKED:
        body = BODIES[path] if method == "POST" else None
        assert world.call(method, filled(path), body, key=key).status == 401, (method, path)


def test_nothing_that_was_answered_before_is_answered_again(world, revoke):
    key = world.key()
    once = {"idempotency-key": "again"}
    body = {"model": "nova-lite", "messages": [{"role": "user", "content": "What is a tide?"}]}
    answers = [world.call("POST", "/v1/chat/completions", body, key=key, headers=each) for each in (once, once, {})]
    assert [each.status for each in answers] == [200] * 3
    revoke(key)

    again = [world.call("POST", "/v1/chat/completions", body, key=key, headers=each) for each in (once, {})]

    assert [each.status for each in again] == [401] * 2


def test_a_key_that_was_revoked_cannot_be_brought_back(world, admin, revoke):
    key = world.key()
    revoke(key)
    path = f"/admin/keys/{parse_token(key).key_id}"

    assert world.call("POST", f"{path}/rotate", {}, key=admin).status == 409
    assert world.call("DELETE", path, key=admin).status == 200
    assert world.chat("Hi", key=key).status == 401


def test_while_the_database_is_away_a_known_key_goes_on_for_less_than_a_minute(world, revoke):
    key = world.key(plan=world.plan(name="open", fail_open=True))
    world.restart()
    use, now = bootstrap.services(), time.time()
    assert lets_in(use, key, now)
    revoke(key)

    def away(**_):
        raise ReadTimeoutError(endpoint_url="the database")

    use.gate.turns._database._connect().meta.events.register_first("before-call.dynamodb", away)

    assert KNOWN_SECONDS <= 60
    assert lets_in(use, key, now + KNOWN_SECONDS - 1)
    with pytest.raises(StoreUnavailable):
        lets_in(use, key, now + KNOWN_SECONDS)


def test_once_the_database_is_back_a_known_key_is_no_better(world, revoke):
    key = world.key(plan=world.plan(name="open", fail_open=True))
    world.restart()
    use, now = bootstrap.services(), time.time()
    assert lets_in(use, key, now)
    revoke(key)

    assert not lets_in(use, key, now + 1)


def test_to_revoke_a_key_ends_its_connections_and_no_other(world, connect, revoke):
    key = world.key()
    one, two, other = connect(key), connect(key, "two"), connect(world.key("acme", "bob"), "three")

    revoke(key)

    assert (one.is_closed, two.is_closed, other.is_closed) == (True, True, False)


@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_is_said_with_a_key_that_ended_ends_the_connection(world, connect, end, cause):
    key = world.key()
    line = connect(key)
    end(key, cause)

    frames = line.ask("c1", "Hello")  # which nobody hears where the connection was ended with the key

    assert [each["error"]["code"] for each in frames] == ([] if cause == "revoked" else ["invalid_api_key"])
    assert line.is_closed
    assert world.leases() == {}


def test_a_connection_that_was_admitted_while_its_key_was_revoked_is_refused(world, connect, exchange, monkeypatch):
    """The key is read again once the connection is on record, so that whoever revokes it finds the connection."""
    key = world.key()
    other = connect(world.key("acme", "bob"))
    reception = type(bootstrap.services().reception)
    admit = reception.admit

    def admitted(self, connection, credential):
        admit(self, connection, credential)
        with acting("api_handler"):
            world.keys.revoke(credential.key_id, 1)

    monkeypatch.setattr(reception, "admit", admitted)
    other.name, other.address = "late", "a1b2c3/api/late"
    assert other.open() == 200

    (refused,) = other.say(type="auth", key=key)

    assert (refused["error"]["code"], other.is_closed) == ("invalid_api_key", True)
