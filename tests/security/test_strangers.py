"""Who fails too often is turned away before anything is read for them, and nobody else is.

Limits are of a process, by the address that API Gateway saw; `TIDEGATE_FAILURES_A_MINUTE` is five here.
"""

import json
import re
import time
from contextlib import contextmanager, suppress

import pytest

from app import app
from chalicelib import bootstrap
from chalicelib.domain.identity import RANDOM_BYTES, Peppers, _base32, _checksum, parse_token
from chalicelib.domain.strangers import TooManyFailures
from chalicelib.edge import call as edge_call
from chalicelib.edge import sockets_wire
from chalicelib.edge.openapi.document import OPERATIONS
from tests.builders import CONTEXT, a_credential, an_event
from tests.functional.conftest import opened as a_world
from tests.functional.test_logs import lines, logged
from tests.functional.test_round_trips import counted, operation
from tests.functional.test_sockets import Line, exchange
from tests.functional.world import ENVIRONMENT, OPEN, ROUTES, filled

__all__ = ["exchange", "lines"]

MOST = 5
HERE, THERE = "198.51.100.7", "203.0.113.9"
COUNT = 2_000
BAD = "tg_live_bad"
TAKING = [each for each in OPERATIONS if each.takes]


@pytest.fixture
def world(monkeypatch):
    monkeypatch.setitem(ENVIRONMENT, "TIDEGATE_FAILURES_A_MINUTE", str(MOST))
    yield from a_world(monkeypatch)


@pytest.fixture
def clock(monkeypatch):
    now = [1_780_000_000.0]
    monkeypatch.setattr("time.time", lambda: now[0])
    return now


class Caller:
    """Calls from one address, whatever they say of it."""

    def __init__(self, world, source=HERE):
        self._world = world
        self.context = an_event("get_models")["requestContext"]
        self.context["identity"]["sourceIp"] = source

    def models(self, key=None, **headers):
        """What a call for the models comes to, after a word from API Gateway."""
        said = {**({"Authorization": f"Bearer {key}"} if key else {}), **headers}
        return self._world.send("get_models", headers=said, multiValueHeaders={}, requestContext=self.context)

    def fail(self, key=BAD, times=MOST):
        return [self.models(key).status for _ in range(times)]


@pytest.fixture
def here(world):
    return Caller(world)


@pytest.fixture
def digests(monkeypatch):
    made = []
    digest = Peppers.digest
    monkeypatch.setattr(Peppers, "digest", lambda *given: made.append(given[2]) or digest(*given))
    return made


@pytest.mark.parametrize("key", [None, BAD, "x" * 10_000, a_credential("nobody", "here").token])
def test_who_fails_too_often_is_told_to_wait(here, key):
    assert here.fail(key) == [401] * MOST

    refused = here.models(key)

    assert (refused.status, refused.headers["retry-after"]) == (429, "12")
    assert json.loads(refused.body)["error"]["code"] == "too_many_failed_attempts"
    assert refused.headers["x-content-type-options"] == "nosniff"


def test_nothing_is_read_and_no_digest_is_made_for_who_is_turned_away(world, here, digests):
    with counted(world) as calls:
        statuses = [here.models(a_credential(user=f"u{number}").token).status for number in range(100)]

    assert statuses == [401] * MOST + [429] * (100 - MOST)
    assert calls == ["BatchGetItem"] * MOST
    assert len(digests) == MOST


def test_no_route_that_takes_a_key_looks_at_who_is_turned_away(world, monkeypatch):
    token = a_credential("nobody", "here").token
    statuses = [world.call(*ROUTES[0], key=token).status for _ in range(MOST)]
    monkeypatch.setattr(edge_call, "parse_token", None)

    for method, path in ROUTES:
        body = "{" if method == "POST" else None
        statuses.append(world.call(method, path, body, key=token, headers={"idempotency-key": "k"}).status)

    assert statuses == [401] * MOST + [429] * len(ROUTES)


def test_what_needs_no_key_is_for_everybody(world, here):
    assert here.fail(times=2 * MOST)[-1] == 429

    assert {world.call("GET", filled(path)).status for path in OPEN} <= {200, 404}


def test_what_may_be_asked_with_a_key_is_no_way_around(world, here, digests):
    token = a_credential("nobody", "here").token

    statuses = [world.call("GET", "/health?deep=1", key=token).status for _ in range(2 * MOST)]

    assert statuses == [401] * MOST + [429] * MOST
    assert len(digests) == MOST


def test_waiting_helps(clock, here):
    here.fail()
    clock[0] += 11
    assert here.models(BAD).status == 429
    clock[0] += 1

    assert [here.models(BAD).status, here.models(BAD).status] == [401, 429]
    clock[0] += 60
    assert here.fail() == [401] * MOST


def test_another_address_is_not_turned_away_and_no_header_makes_one(world, here):
    here.fail()

    forged = [here.models(None, **{"X-Forwarded-For": each, "Forwarded": f"for={each}"}) for each in (THERE, "::1")]

    assert [each.status for each in forged] == [429, 429]
    assert Caller(world, THERE).models().status == 401


def test_who_has_been_let_in_goes_on_whatever_others_do_from_the_same_address(world, here):
    good = world.key()
    assert here.models(good).status == 200

    here.fail(times=10 * MOST)

    assert {here.models(good).status for _ in range(2 * MOST)} == {200}
    assert here.models(world.key()).status == 429  # not known here yet: it waits, as all do


def test_failures_of_others_are_none_of_a_good_key(world, here):
    good = world.key()

    assert {here.models(good).status for _ in range(4 * MOST)} == {200}
    assert here.fail() == [401] * MOST


def test_a_key_that_is_revoked_is_known_no_more(world, here, digests):
    admin = world.key(scopes=frozenset({"admin"}))
    good = world.key()
    here.models(good)
    assert world.call("DELETE", f"/admin/keys/{parse_token(good).key_id}", key=admin).status == 200
    assert here.fail(good) == [401] * MOST
    digests.clear()

    everywhere = [Caller(world, f"192.0.2.{number}").models(good).status for number in range(10)]

    assert everywhere == [429] * 10  # a key that fails is turned away from wherever it comes
    assert digests == []


def test_nobody_locks_a_key_out_by_guessing_at_it(world, here):
    good = world.key()
    guesses = [a_guess(good, number) for number in range(3 * MOST)]

    assert {Caller(world, f"192.0.2.{number}").models(guess).status for number, guess in enumerate(guesses)} == {401}

    assert here.models(good).status == 200


def test_a_key_to_what_needs_none_is_not_known_for_it(world, here):
    for _ in range(MOST):
        world.call("GET", "/health", key=BAD)
    here.fail()

    assert here.models(BAD).status == 429


def test_it_can_be_switched_off(world, here, monkeypatch):
    monkeypatch.setenv("TIDEGATE_FAILURES_A_MINUTE", "0")
    world.restart()

    assert here.fail(times=4 * MOST) == [401] * 4 * MOST


def test_a_flood_is_counted_without_a_line_for_each(world, here, lines, clock, capfd):
    here.fail(times=100)
    clock[0] += 10
    here.fail(times=2)

    told = logged(lines, "turned_away")
    assert [line["calls"] for line in told] == [1, 100 - MOST]
    assert [line["level"] for line in told] == ["WARNING", "WARNING"]
    assert re.findall(r'"turned_away":\[([0-9.]+)\]', capfd.readouterr().out) == ["1.0", f"{100.0 - MOST}"]
    assert len(logged(lines, "refused")) == MOST


def test_a_connection_that_shows_bad_keys_is_turned_away_unread(world, exchange, digests):
    good = world.key()
    known = opened(exchange, "known")
    assert known.say(type="auth", key=good) == [{"type": "ready"}]
    for number in range(MOST):
        (refused,) = opened(exchange, f"bad-{number}").say(type="auth", key=a_credential(user=f"u{number}").token)
        assert refused["error"]["code"] == "invalid_api_key"
    digests.clear()

    line = opened(exchange, "more")
    with counted_of(world) as calls:
        (refused,) = line.say(type="auth", key=a_credential(user="more").token)

    assert refused["error"]["code"] == "too_many_failed_attempts"
    assert (calls, digests, line.is_closed) == ([], [], True)
    assert opened(exchange, "again").say(type="auth", key=good) == [{"type": "ready"}]


def test_what_is_too_large_is_refused_before_it_is_parsed(world, monkeypatch):
    key = world.key(scopes=frozenset({"chat", "admin"}))
    monkeypatch.setattr(edge_call, "decode", None)
    huge = "x" * (edge_call.MOST_BODY_BYTES + 1)

    for each in TAKING:
        for headers in ({}, {"idempotency-key": "k"}):
            assert world.call(each.method, filled(each.path), huge, key=key, headers=headers).status == 413, each
    for each in TAKING:
        assert world.call(each.method, filled(each.path), huge).status in {401, 429}, each


def test_a_message_that_is_too_large_is_refused_before_it_is_parsed(world, exchange, monkeypatch):
    line = opened(exchange)
    monkeypatch.setattr(sockets_wire, "decode", None)

    (refused,) = line.send('{"type": "auth", "key": "' + "x" * sockets_wire.MOST_CHARACTERS)

    assert refused["error"]["code"] == "payload_too_large"


def test_what_a_refusal_costs_is_told(world, here, clock):
    """With `-s`, in microseconds of this thread; what counts is held above, in reads and digests."""
    strangers, tokens = bootstrap.services().strangers, [f"tg_live_{number}" for number in range(COUNT)]
    here.fail()
    began = time.thread_time_ns()
    for token in tokens:
        with suppress(TooManyFailures):
            strangers.turn_away(HERE, token, clock[0])
    alone = time.thread_time_ns() - began
    context = here.context
    events = [{**an_event("post_chat", key=token), "requestContext": context} for token in tokens]

    began = time.thread_time_ns()
    statuses = {app(event, CONTEXT)["statusCode"] for event in events}
    whole = time.thread_time_ns() - began

    print(f"turned away: {alone / COUNT / 1000:.1f} us; from event to answer: {whole / COUNT / 1000:.0f} us")  # noqa: T201
    assert statuses == {429}


def opened(exchange, name="one"):
    line = Line(exchange, name)
    assert line.open() == 200
    return line


def a_guess(token, number):
    """A key of the same id with another secret, well formed."""
    parsed = parse_token(token)
    random = (number + 1).to_bytes(RANDOM_BYTES - 5, "little")
    body = f"tg_live_{parsed.key_id}_{_base32(random)}"
    return body + _checksum(body)


@contextmanager
def counted_of(world):
    """The names of the DynamoDB calls of this process, which knows what it knows."""
    client = bootstrap.services().gate.turns._database._connect()
    calls = []
    client.meta.events.register("before-send.dynamodb", lambda request, **_: calls.append(operation(request)))
    yield calls
