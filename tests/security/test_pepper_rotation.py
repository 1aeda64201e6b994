"""The pepper is rotated under a running process, step by step as docs/operations.md says, and nobody notices."""

import functools
import json
import logging

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import EndpointConnectionError

from chalicelib import bootstrap
from chalicelib.domain.identity import Peppers, parse_token
from tests.builders import a_credential, a_key
from tests.functional.conftest import world

__all__ = ["world"]

NAME = "tidegate/functional/peppers"
FIRST, SECOND = "pepper", "a pepper of the drill"  # the first one is that of the world's own keys
BOTH = {"1": FIRST, "2": SECOND}
KEPT, AGAIN = 300, 30  # seconds


class Drill:
    """A process that reads its peppers in Secrets Manager, by a clock of its own."""

    def __init__(self, world, patch):
        self._world, self._patch = world, patch
        self.now = 1_000.0
        self.reads = 0
        self.admin = world.key("ops", "root", scopes=frozenset({"admin"}))
        self.aws = boto3.client("secretsmanager")
        self.aws.create_secret(Name=NAME, SecretString=said(1, {"1": FIRST}))
        call = BaseClient._make_api_call

        def counted(client, operation, request):
            self.reads += operation == "GetSecretValue"
            return call(client, operation, request)

        patch.setattr(BaseClient, "_make_api_call", counted)
        patch.setattr(bootstrap, "pepperbox", functools.partial(self._opened, bootstrap.pepperbox))
        patch.setenv("TIDEGATE_PEPPERS_SECRET", NAME)
        world.restart()

    def _opened(self, pepperbox, settings, told, _):
        return pepperbox(settings, told, lambda: self.now)

    def write(self, text):
        self.aws.put_secret_value(SecretId=NAME, SecretString=text)

    def unreachable(self):
        call = BaseClient._make_api_call

        def away(client, operation, request):
            if operation == "GetSecretValue":
                self.reads += 1
                raise EndpointConnectionError(endpoint_url="https://secretsmanager.example.com")
            return call(client, operation, request)

        self._patch.setattr(BaseClient, "_make_api_call", away)

    def later(self, seconds):
        self.now += seconds

    def make(self, user="ada"):
        """A new key by the process, and which pepper it is made with."""
        made = self._world.call("POST", "/admin/keys", {"tenant": "acme", "user": user}, key=self.admin)
        assert made.status == 200, made.body
        return made.json["key"], self._world.keys.get(made.json["id"]).pepper_version

    def made_elsewhere(self):
        """A key by a process that knows the second version already."""
        credential = a_credential("acme", "bob")
        digest = Peppers(2, {2: SECOND.encode()}).digest(credential.token, 2)
        self._world.keys.put(a_key(credential, "acme", "bob", digest=digest, pepper_version=2))
        return credential.token

    def rotate_admin(self):
        path = f"/admin/keys/{parse_token(self.admin).key_id}/rotate"
        self.admin = self._world.call("POST", path, {"overlap_seconds": 0}, key=self.admin).json["key"]

    def statuses(self, *tokens):
        """What a read and a turn of each are answered."""
        return [
            answer.status
            for token in tokens
            for answer in (
                self._world.call("GET", "/v1/models", key=token),
                self._world.chat("What is a tide?", key=token),
            )
        ]

    def page(self, after=""):
        """A page of keys, one long."""
        query = f"tenant=acme&limit=1&after={after}" if after else "tenant=acme&limit=1"
        return self._world.call("GET", f"/admin/keys?{query}", key=self.admin)


def said(current, peppers):
    return json.dumps({"current": current, "peppers": peppers})


@pytest.fixture
def drill(world, monkeypatch):
    return Drill(world, monkeypatch)


@pytest.fixture
def told(caplog):
    """Why the last good peppers were kept, as the log says it."""
    caplog.set_level(logging.INFO)
    return lambda: [record.fault for record in caplog.records if record.message == "peppers"]


def test_a_pepper_is_rotated_under_a_running_process(drill, told):
    old, version = drill.make()
    drill.make("eve")
    cursor = drill.page().json["next"]
    assert version == 1

    drill.write(said(1, BOTH))  # add
    drill.later(KEPT)
    assert drill.make()[1] == 1

    drill.write(said(2, BOTH))  # use
    drill.later(KEPT - 1)
    assert drill.make()[1] == 1
    drill.later(1)
    new, version = drill.make()
    assert version == 2
    assert drill.statuses(old, new) == [200] * 4
    assert drill.page(cursor).status == 200

    drill.rotate_admin()
    drill.write(said(2, {"2": SECOND}))  # drop
    drill.later(KEPT - 1)
    assert drill.statuses(old, new) == [200] * 4
    drill.later(1)
    assert drill.statuses(old, new) == [401, 401, 200, 200]
    assert (drill.page(cursor).status, drill.page().status) == (400, 200)
    assert told() == []


def test_a_running_process_reads_nothing_for_five_minutes(drill):
    key, _ = drill.make()
    before = drill.reads

    for _ in range(10):
        assert drill.statuses(key) == [200, 200]
        drill.later((KEPT - 1) / 10)
    assert drill.reads == before

    drill.later(1)
    assert drill.statuses(key) == [200, 200]
    assert drill.reads == before + 1


def test_a_key_of_a_version_that_is_not_known_makes_it_be_read_at_once(drill):
    drill.make()
    drill.later(AGAIN)
    drill.write(said(2, BOTH))

    assert drill.statuses(drill.made_elsewhere()) == [200, 200]


def test_keys_of_a_dropped_version_cost_a_read_in_half_a_minute(drill):
    gone = drill.made_elsewhere()
    good, _ = drill.make()
    drill.later(AGAIN)
    before = drill.reads

    assert drill.statuses(*[gone] * 5) == [401] * 10
    assert drill.reads == before + 1
    drill.later(AGAIN - 1)
    assert drill.statuses(gone, good) == [401, 401, 200, 200]
    assert drill.reads == before + 1
    drill.later(1)
    assert drill.statuses(gone, good) == [401, 401, 200, 200]
    assert drill.reads == before + 2


BROKEN = [
    '{"current": 2, "peppers": {"2": "a secret that',
    said(2, {"1": FIRST}),
    said(1, {}),
    said(1, {"1": ""}),
    said("one", BOTH),
    said(1, {"one": FIRST}),
    '{"current": 1, "peppers": {"1": "\\ud800"}}',
    '["a secret that is no object"]',
]


def leaked(caplog):
    """What was logged of the secret."""
    parts = [part for record in caplog.records for part in map(str, (*vars(record).values(), record.getMessage()))]
    return [part for part in parts if any(secret in part for secret in ("a secret that", SECOND, f'"{FIRST}"'))]


def test_what_is_broken_changes_nothing_and_is_told(drill, told, caplog):
    key, _ = drill.make()
    drill.later(KEPT - AGAIN)

    for number, text in enumerate(BROKEN, 1):
        drill.write(text)
        drill.later(AGAIN)
        assert drill.statuses(key) == [200, 200]
        assert len(told()) == number, text

    drill.write(said(2, BOTH))
    drill.later(AGAIN - 1)
    assert drill.make()[1] == 1
    drill.later(1)
    assert drill.make()[1] == 2
    assert all(NAME in fault for fault in told())
    assert leaked(caplog) == []


def test_a_secret_that_cannot_be_read_changes_nothing_and_is_told_twice_a_minute(drill, told):
    key, _ = drill.make()
    drill.unreachable()
    drill.later(KEPT)

    for _ in range(4):
        assert drill.statuses(key) == [200, 200]
        drill.later(AGAIN - 1)
        assert drill.make()[1] == 1
        drill.later(1)

    assert told() == [f"The secret '{NAME}' cannot be read."] * 4


@pytest.mark.parametrize("status", [503, 500])
def test_a_new_process_without_peppers_says_so(drill, world, status, caplog):
    key, _ = drill.make()
    drill.unreachable() if status == 503 else drill.write(BROKEN[0])
    world.restart()

    assert drill.statuses(key) == [status] * 2
    assert leaked(caplog) == []
