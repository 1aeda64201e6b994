"""The packaged function under its own runtime: the real zip, the real process, and Lambda's side of the Runtime API."""

import json
import os
import threading
import time
from collections import Counter
from types import SimpleNamespace

import botocore.session
import pytest

from chalicelib import bootstrap, settings
from chalicelib.domain.budget import Limit, Plan, Subject
from chalicelib.domain.identity import RANDOM_BYTES, Key, mint, user_tag
from tests.builders import an_event
from tests.contract.stores import REGION, template_tables
from tests.package.runtime_api import PATIENCE_SECONDS, Function, RuntimeApi
from tests.upstreams.openai_server import OpenAiServer, Pace, Reply

WORDS = 50
TEXT = " ".join(f"word{number}" for number in range(WORDS))
FRESH = {"no-cache": True, "no-store": True}
MANY = 200
GROWTH_KB = 5_000  # of 60,000: far less than an answer kept of each, and more than an allocator's mood
CHAT = "/v1/chat/completions"


class Gate:
    """While it is shut, the model says one more event each time that it is opened."""

    def __init__(self):
        self._passes = threading.Semaphore(0)
        self.shut = False

    def __call__(self, _seconds):
        if self.shut:
            assert self._passes.acquire(timeout=PATIENCE_SECONDS)

    def open(self):
        self._passes.release()


class Stage:
    """A stage with one function: its tables, its users, and a model whose events wait at a gate."""

    def __init__(self, model, gate, function):
        self.api, self.model, self.gate, self.function = function.api, model, gate, function
        self._users = 0
        self._known = settings.read(os.environ)
        self._dynamodb = botocore.session.Session().create_client("dynamodb", region_name=REGION)
        for table in template_tables("solo"):
            self._dynamodb.create_table(**table)
        self.keys = bootstrap.open_keys(bootstrap.open_database(self._known))
        for name, most in (("standard", 10_000), ("spent", 0)):
            self.keys.put_plan(Plan(name=name, limits=(Limit("user", "day", requests=most, tokens=10_000_000),)))

    def user(self, plan="standard"):
        """A new user with a key."""
        self._users += 1
        name = f"user{self._users}"
        mine = mint("acme", name, live=True, random=self._users.to_bytes(RANDOM_BYTES, "little"))
        digest = bootstrap.peppers(self._known).digest(mine.token, 1)
        self.keys.put(Key(mine.key_id, "acme", name, frozenset({"chat"}), plan, digest, 1, 1))
        return SimpleNamespace(name=name, token=mine.token)

    def chat(self, user, reply=None, *, headers=None, how=None, **fields):
        """Have the function asked for a chat, which the model answers with 50 words unless `reply` says how."""
        self.model.replies.append(reply or Reply(text=TEXT))
        said = [{"role": "user", "content": "Count."}]
        return self.post(CHAT, {"model": "nova-lite", "messages": said, "cache": FRESH, **fields}, user, headers, how)

    def post(self, path, body, user=None, headers=None, how=None):
        event = an_event("post_chat", key=user and user.token, body=json.dumps(body), path=path, resource=path)
        event["requestContext"] |= {"resourcePath": path, "path": f"/api{path}"}
        event["headers"] |= headers or {}
        return self.api.ask(event, **how or {})

    def idle(self):
        """Wait until the function has done all that it was asked before."""
        event = an_event("get_models")
        assert self.api.ask(event).answer["statusCode"] == 401

    def used(self, user):
        """What is charged to a user today, and how each of all reservations stands."""
        self.idle()
        charged = self.keys.balances((Subject("user", user_tag("acme", user.name)),), time.time())["user", "day"]
        pages = self._dynamodb.get_paginator("scan").paginate(TableName="tidegate-solo-ledger", ConsistentRead=True)
        leases = [item for page in pages for item in page["Items"] if item["sk"]["S"] == "lease"]
        return charged, Counter(item["state"]["S"] for item in leases)


@pytest.fixture(scope="module")
def process(emulator, unpacked, module_environment):
    """The function, and the model that it asks."""
    gate = Gate()
    with OpenAiServer(pace=Pace(pause_ms=1, sleep=gate)) as model:
        module_environment.setenv("TIDEGATE_UPSTREAM", f"openai+{model.url}")
        api = RuntimeApi()
        function = Function(unpacked, api)
        yield Stage(model, gate, function)
        function.stop()
        api.close()


@pytest.fixture
def stage(process):
    """The same process for all tests; the gate is open, and what one test left unasked does not reach the next."""
    process.gate.shut = False
    process.model.replies.clear()
    return process


def events(piece):
    return [json.loads(line[6:]) for line in piece.decode().splitlines() if line.startswith("data: {")]


def words(*pieces):
    chunks = [chunk for piece in pieces for chunk in events(piece) if chunk.get("choices")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


def held_back(stage, user, count, **how):
    """A stream of which the caller has heard `count` words, and the model has said no more."""
    stage.gate.shut = True
    asked = stage.chat(user, stream=True, how=how)
    heard = []
    for number in range(1, count + 1):
        stage.gate.open()
        while words(*heard).count("word") < number:
            heard.append(asked.piece())
    return asked, heard


def freed(stage):
    stage.gate.shut = False
    stage.gate.open()


def test_each_piece_is_there_before_the_model_says_the_next(stage):
    asked, heard = held_back(stage, stage.user(), WORDS)

    assert words(*heard).split() == TEXT.split()
    freed(stage)
    assert asked.rest()[-1] == b"data: [DONE]\n\n"
    assert asked.trailers == {}


def test_an_answer_begins_as_api_gateway_wants_it(stage):
    asked = stage.chat(stage.user(), stream=True)

    status, headers = asked.answer["statusCode"], asked.answer["headers"]
    assert (status, headers["Content-Type"], headers["Cache-Control"]) == (200, "text/event-stream", "no-cache")
    assert headers["x-request-id"] == "22222222-3f0b-4f7f-9a45-1d0a3f6d0b11"
    assert asked.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert asked.headers["content-type"] == "application/vnd.awslambda.http-integration-response"


def test_a_whole_answer_takes_the_same_way(stage):
    user = stage.user()

    asked = stage.chat(user)

    assert asked.answer["statusCode"] == 200
    assert asked.answer["headers"]["Content-Type"] == "application/json"
    assert json.loads(asked.body)["choices"][0]["message"]["content"] == TEXT
    assert stage.used(user)[0].requests == 1


def test_a_response_streams_too(stage):
    stage.model.replies.append(Reply(text=TEXT))

    asked = stage.post("/v1/responses", {"model": "nova-lite", "input": "Count.", "stream": True}, stage.user())

    told = events(asked.body)
    assert [told[0]["type"], told[-1]["type"]] == ["response.created", "response.completed"]
    assert "".join(each["delta"] for each in told if each["type"] == "response.output_text.delta") == TEXT


def test_a_fault_of_the_model_on_the_way_is_an_event_and_the_end(stage):
    user, before = stage.user(), stage.used(stage.user())[1]

    asked = stage.chat(user, Reply(text=TEXT, cut_after=10), stream=True)

    *heard, last = asked.rest()
    assert asked.answer["statusCode"] == 200
    assert words(*heard) == "".join(f"word{number} " for number in range(9))
    assert events(last)[0]["error"]["code"] == "model_unavailable"
    assert asked.trailers == {}
    charged, leases = stage.used(user)
    assert leases - before == {"settled": 1}
    assert charged.tokens >= 9


@pytest.mark.parametrize("count", [1, 7])
def test_a_caller_who_leaves_is_charged_what_came_and_the_model_is_left(stage, count):
    user, before = stage.user(), stage.used(stage.user())[1]
    asked, _ = held_back(stage, user, count, leaves_after=count + 1)  # the role is a piece
    assert asked.over.wait(PATIENCE_SECONDS)

    stage.gate.open()  # for the piece that nobody takes

    charged, leases = stage.used(user)
    assert leases - before == {"settled": 1}
    assert charged.requests == 1
    assert count <= charged.tokens < 1_000
    freed(stage)
    assert stage.model.hung_up.acquire(timeout=PATIENCE_SECONDS)


def test_after_one_who_left_the_next_is_answered(stage):
    gone = stage.chat(stage.user(), stream=True, how={"leaves_after": 3})
    assert gone.over.wait(PATIENCE_SECONDS)

    assert words(*stage.chat(stage.user(), stream=True).rest()) == TEXT


def test_what_takes_too_long_ends_with_an_event_and_is_charged(stage):
    user, before = stage.user(), stage.used(stage.user())[1]

    asked = stage.chat(user, stream=True, how={"seconds": 0})

    *_, last = asked.rest()
    assert asked.answer["statusCode"] == 200
    assert events(last)[0]["error"]["code"] == "model_timeout"
    charged, leases = stage.used(user)
    assert leases - before == {"settled": 1}
    assert charged.requests == 1


def test_a_twin_is_told_the_same_events(stage):
    user, once = stage.user(), {"idempotency-key": "a-key"}
    first = stage.chat(user, stream=True, headers=once)

    twin = stage.chat(user, stream=True, headers=once)

    assert twin.body == first.body
    assert twin.answer["headers"]["idempotent-replayed"] == "true"
    assert stage.used(user)[0].requests == 1


def test_a_refusal_is_an_answer_with_its_status(stage):
    spent = stage.user("spent")
    unavailable = Reply(status=503, body=b"{}")
    stage.model.replies += [unavailable] * 4

    refusals = [
        stage.post(CHAT, {"model": "nova-lite", "messages": []}),
        stage.post(CHAT, {"model": "nova-lite", "messages": "x"}, stage.user()),
        stage.post(CHAT, {"model": "none", "messages": [{"role": "user", "content": "x"}]}, stage.user()),
        stage.chat(spent, stream=True),
        stage.chat(stage.user(), unavailable, stream=True),
    ]

    assert [asked.answer["statusCode"] for asked in refusals] == [401, 400, 404, 429, 503]
    assert all("error" in json.loads(asked.body) for asked in refusals)
    assert "x-ratelimit-limit-requests" in refusals[3].answer["headers"]
    assert "Retry-After" in refusals[4].answer["headers"]


def test_a_method_that_the_route_has_not_is_refused(stage):
    event = an_event("post_chat", httpMethod="PATCH", body=None)
    event["requestContext"]["httpMethod"] = "PATCH"

    asked = stage.api.ask(event)

    assert asked.answer["statusCode"] == 405


@pytest.mark.parametrize("event", [b"", b"{", b"[]", b"null", b'"\xff"', b'{"requestContext": {"resourcePath": "/"}}'])
def test_an_event_that_is_none_fails_alone(stage, event):
    asked = stage.api.ask(event)

    assert asked.over.wait(PATIENCE_SECONDS)
    kind, body = asked.error
    assert kind.startswith("Runtime.")
    assert (body["errorType"], body["errorMessage"]) == (kind, "See the log.")
    stage.idle()


def test_one_after_the_other_uses_one_connection_and_no_more_memory(stage):
    user = stage.user()
    for _ in range(MANY // 4):
        stage.chat(user, stream=True).body  # noqa: B018 - to be heard
    connections, memory = stage.api.connections, stage.function.resident_kb

    bodies = [stage.chat(user, stream=True).rest() for _ in range(MANY)]

    assert all(words(*pieces) == TEXT for pieces in bodies)
    assert stage.api.connections == connections
    assert stage.function.resident_kb - memory < GROWTH_KB
    assert stage.used(user)[0].requests == MANY + MANY // 4
