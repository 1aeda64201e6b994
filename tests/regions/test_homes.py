"""A stage in two Regions, seen from one of them: who is served here, who is passed on, and what is read meanwhile."""

import dataclasses
import functools
import json
import time

import botocore.session
import msgspec
import pytest
from botocore.loaders import create_loader
from moto import mock_aws

from chalicelib import bootstrap
from chalicelib.adapters.peers.https import HttpsPeer
from chalicelib.bootstrap import sockets
from chalicelib.domain.identity import Tenant
from chalicelib.domain.regions import TENURE_SECONDS, HomeAway
from chalicelib.domain.sockets import MOST_CHATS
from chalicelib.ports.regions import Passed
from infra.failover import move, plan
from infra.home import settle
from infra.key import Refused
from tests.functional.test_sockets import PAGE, Line
from tests.functional.world import ENVIRONMENT, STAGE, World, chat_body, forget
from tests.unit.pipeline.stage import Exchange

HERE, THERE = "us-east-1", "us-west-2"
URLS = {HERE: "http://127.0.0.1:1/api", THERE: "http://127.0.0.1:2/api"}


PLANS = {"object": "list", "data": []}

_shared_loader = functools.cache(create_loader)


@pytest.fixture
def world(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(botocore.session, "create_loader", _shared_loader)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield World()
    forget()


def told(body):
    """An answer in two pieces."""
    text = json.dumps(body).encode()
    return Passed(200, {"content-type": "application/json", "x-elsewhere": "yes"}, iter([text[:9], text[9:]]))


class Peer:
    """The other Region: it notes what it is asked, and answers as it is told."""

    def __init__(self):
        self.errands = []
        self.answer = None

    def __call__(self, url, errand):
        self.errands.append((url, errand))
        if self.answer is None:
            raise HomeAway("It does not answer.")
        return self.answer


@pytest.fixture
def peer(monkeypatch):
    made = Peer()
    monkeypatch.setattr(HttpsPeer, "__call__", lambda _, url, errand: made(url, errand))
    return made


@pytest.fixture
def homes(world, peer, monkeypatch):
    """The world with a second Region, in which the tenant `west` is at home."""
    monkeypatch.setenv("TIDEGATE_REGIONS", ",".join(f"{name}={url}" for name, url in URLS.items()))
    for table in world.tables:
        short = table["TableName"].removeprefix(f"tidegate-{STAGE}-")
        for region in (HERE, THERE) if short in {"ledger", "jobs"} else ():
            world.dynamodb.create_table(**{**table, "TableName": f"{table['TableName']}-{region}"})
    key = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}]}
    key["KeySchema"] = [{"AttributeName": "pk", "KeyType": "HASH"}]
    if f"tidegate-{STAGE}-seats" not in world.dynamodb.list_tables()["TableNames"]:
        world.dynamodb.create_table(TableName=f"tidegate-{STAGE}-seats", BillingMode="PAY_PER_REQUEST", **key)
    settle(world.keys, "west", THERE, [HERE, THERE])
    renew()
    world.restart()
    return bootstrap.services().homes


def renew():
    bootstrap.sweeper().chores["regions"]()


def moved(home, to):
    """The seat as an operator's command leaves it, long enough ago."""
    seats = bootstrap.open_tenure(bootstrap.environment.read(bootstrap.os.environ), _database()).seats
    old, new = plan(seats.all(), [HERE, THERE], home, to, 1_000)
    move(seats, old, new)
    renew()


def _database():
    return bootstrap.open_database(bootstrap.environment.read(bootstrap.os.environ))


def test_who_is_at_home_here_is_served_here(world, homes, peer):
    answer = world.chat("Hello", key=world.key())

    assert (answer.status, peer.errands) == (200, [])


def test_a_call_whose_home_is_elsewhere_is_passed_on_as_it_came(world, homes, peer):
    key, reply = world.key(tenant="west"), world.chat("Hello", key=world.key()).json
    peer.answer = told(reply)

    answer = world.call("POST", "/v1/chat/completions", chat_body("Hello"), key=key, headers={"idempotency-key": "k"})

    ((url, errand),) = peer.errands
    assert (answer.status, answer.json) == (200, reply)
    assert (answer.headers["x-elsewhere"], answer.headers["x-tidegate-home"]) == ("yes", THERE)
    assert (url, errand.method, errand.path) == (URLS[THERE], "POST", "/v1/chat/completions")
    assert json.loads(errand.body) == chat_body("Hello")
    assert errand.headers["authorization"] == f"Bearer {key}"
    assert errand.headers["idempotency-key"] == "k"
    assert errand.headers["x-tidegate-passed-on"] == HERE


def test_a_stream_is_passed_on_piece_by_piece(world, homes, peer):
    peer.answer = Passed(200, {"Content-Type": "text/event-stream"}, iter([b"data: 1\n\n", b"data: 2\n\n"]))

    answer = world.stream("Hello", key=world.key(tenant="west"))

    assert (answer.status, list(answer.body)) == (200, [b"data: 1\n\n", b"data: 2\n\n"])


def test_a_call_is_passed_on_once(world, homes, peer):
    sent = {"x-tidegate-passed-on": THERE}

    answer = world.call("POST", "/v1/chat/completions", chat_body("Hello"), key=world.key(tenant="west"), headers=sent)

    assert (answer.status, answer.error["code"], peer.errands) == (421, "home_elsewhere", [])
    assert URLS[THERE] in answer.error["message"]


def test_while_the_home_is_silent_what_arrived_is_read_and_nothing_is_charged(world, homes, peer):
    key = world.key(tenant="west")

    read = world.call("GET", "/v1/conversations", key=key)
    asked = world.chat("Hello", key=key)

    assert (read.status, read.headers["x-tidegate-stale"]) == (200, THERE)
    assert (asked.status, asked.error["code"]) == (503, "home_away")
    assert asked.headers["retry-after"] == "30"


def test_a_register_that_ran_out_admits_nobody(world, homes, monkeypatch):
    key = world.key()
    monkeypatch.setattr("chalicelib.pipeline.homes.FRESH_SECONDS", 0)
    late = dataclasses.replace(homes, clock=lambda: bootstrap.time.time() + 200)
    services = dataclasses.replace(bootstrap.services(), homes=late)
    monkeypatch.setattr("app.services", lambda: services)

    answer = world.chat("Hello", key=key)

    assert (answer.status, answer.error["code"]) == (503, "home_away")


def test_a_home_that_was_moved_here_is_served_here(world, homes, peer):
    key = world.key(tenant="west")

    moved(THERE, HERE)
    world.restart()
    answer = world.chat("Hello", key=key)

    assert (answer.status, peer.errands) == (200, [])


def test_administrators_are_served_where_the_first_region_is(world, homes, peer):
    moved(HERE, THERE)
    world.restart()
    peer.answer = told(PLANS)

    answer = world.call("GET", "/admin/plans", key=world.key(tenant="west", scopes=frozenset({"admin"})))

    assert answer.json == PLANS
    assert peer.errands[0][1].path == "/admin/plans"


def test_a_home_is_written_before_there_is_a_key(world, homes):
    world.key(tenant="old")

    with pytest.raises(Refused, match="has keys already"):
        settle(world.keys, "old", THERE, [HERE, THERE])

    assert world.keys.tenant("old") in {None, Tenant("old")}
    assert msgspec.structs.asdict(world.keys.tenant("west"))["home"] == THERE


@pytest.fixture
def line(homes, monkeypatch):
    """A connection to this Region, of a key whose tenant is at home in the other."""
    ends = Exchange()
    monkeypatch.setenv("TIDEGATE_ORIGINS", PAGE)
    monkeypatch.setattr(sockets, "_transport", lambda _: ends)
    bootstrap.services.cache_clear()
    return Line(ends)


def test_a_connection_is_told_where_its_home_is_and_nothing_is_begun(world, line, peer):
    assert line.open() == 200
    assert line.say(type="auth", key=world.key(tenant="west")) == [{"type": "ready"}]

    (refused,) = line.ask("c1", "Hello")

    assert (refused["type"], refused["id"], refused["error"]["code"]) == ("error", "c1", "home_elsewhere")
    assert URLS[THERE] in refused["error"]["message"]
    assert (world.taken(), world.rows("ledger"), peer.errands) == ([], [], [])
    assert not line.is_closed


def test_such_a_chat_holds_no_place_on_its_connection(world, line):
    line.open()
    line.say(type="auth", key=world.key(tenant="west"))

    refused = [line.ask("c1", "Hello")[0]["error"]["code"] for _ in range(MOST_CHATS + 1)]

    assert set(refused) == {"home_elsewhere"}


def test_a_connection_of_who_is_at_home_here_is_answered(world, line):
    line.open()
    line.say(type="auth", key=world.key())

    assert line.ask("c1", "Hello")[0]["type"] == "accepted"


def test_while_the_home_is_nowhere_a_connection_is_told_to_wait(world, line, peer, monkeypatch):
    line.open()
    line.say(type="auth", key=world.key())
    monkeypatch.setattr("time.time", lambda at=time.time: at() + TENURE_SECONDS + 1)
    bootstrap.services.cache_clear()

    (refused,) = line.ask("c1", "Hello")

    assert refused["error"]["code"] == "home_away"
    assert world.taken() == []
