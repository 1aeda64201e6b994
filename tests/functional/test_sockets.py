"""Chats on a connection, through the whole product: what is said is answered in frames, whatever was said."""

import io
import json
import logging

import pytest

from app import app
from chalicelib.bootstrap import sockets as opening
from chalicelib.domain.sockets import BURST_MESSAGES, MOST_CHATS
from chalicelib.edge import telemetry
from tests.builders import CONTEXT
from tests.functional.rights import acting
from tests.unit.pipeline.stage import Exchange

PAGE = "https://chat.example.com"
MODEL = "nova-lite"
ROUTES = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}


class Line:
    """What API Gateway is to the app, for one connection."""

    def __init__(self, exchange, name="one"):
        self.name = name
        self.exchange = exchange
        self.address = f"a1b2c3/api/{name}"

    def event(self, kind, **further):
        context = {
            "routeKey": ROUTES[kind],
            "eventType": kind,
            "stage": "api",
            "apiId": "a1b2c3",
            "domainName": "a1b2c3.execute-api.us-east-1.amazonaws.com",
            "connectionId": self.name,
            "requestId": "request-1",
        }
        event = {"requestContext": context, "isBase64Encoded": False, **further}
        with acting(f"websocket_{kind.lower()}"):
            return app.handler_map[app.websocket_handlers[ROUTES[kind]].name](event, CONTEXT)

    def open(self, headers=None):
        return self.event("CONNECT", headers={"Origin": PAGE} if headers is None else headers)["statusCode"]

    def send(self, body, **further):
        """The frames that a message is answered with at once."""
        before = len(self.frames)
        self.event("MESSAGE", body=body, **further)
        return self.frames[before:]

    def say(self, **message):
        return self.send(json.dumps(message))

    def ask(self, name, text, **fields):
        request = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
        return self.say(type="chat", id=name, request=request)

    @property
    def frames(self):
        return self.exchange.frames[self.address]

    @property
    def is_closed(self):
        return self.address in self.exchange.closed


@pytest.fixture
def exchange(world, monkeypatch):
    other_ends = Exchange()
    monkeypatch.setenv("TIDEGATE_ORIGINS", f"{PAGE}, https://other.example.com:8443")
    monkeypatch.setattr(opening, "_transport", lambda _: other_ends)
    return other_ends


@pytest.fixture
def connect(exchange):
    def connected(key, name="one"):
        line = Line(exchange, name)
        assert line.open() == 200
        assert line.say(type="auth", key=key) == [{"type": "ready"}]
        return line

    return connected


@pytest.fixture
def line(world, connect):
    return connect(world.key())


def text_of(frames):
    said = (each["data"]["choices"][0]["delta"] for each in frames if each["type"] == "chunk")
    return "".join(delta.get("content") or "" for delta in said)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": PAGE}, 200),
        ({"origin": "https://CHAT.example.com"}, 200),
        ({"Origin": "https://other.example.com:8443"}, 200),
        ({"Origin": "https://other.example.com"}, 403),
        ({"Origin": "http://chat.example.com"}, 403),
        ({"Origin": "https://chat.example.com.evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Origin": "none"}, 403),
        ({}, 403),
    ],
)
def test_only_pages_that_are_named_may_connect(exchange, headers, status):
    assert Line(exchange).open(headers) == status


def test_a_program_without_a_page_may_connect_where_that_is_said(exchange, monkeypatch):
    monkeypatch.setenv("TIDEGATE_ORIGINS", "none")

    assert (Line(exchange).open({}), Line(exchange).open({"Origin": PAGE})) == (200, 403)


def test_a_chat_is_answered_by_a_worker(world, line):
    assert [each["type"] for each in line.ask("c1", "What is a tide?")] == ["accepted"]

    assert world.work() == []

    accepted, *chunks, done = line.frames[1:]
    assert world.call("GET", f"/v1/jobs/{accepted['job']}", key=world.key()).json["status"] == "completed"
    assert "tide" in text_of(chunks)
    assert (done["type"], done["seq"]) == ("done", len(chunks))
    source = {"cache": "miss", "target": "simulated://echo", "attempts": 1}
    assert [chunk["data"].get("tidegate") for chunk in chunks] == [source, *[None] * (len(chunks) - 1)]
    assert world.leases() == {"settled": 1}


def test_a_chat_that_no_target_takes_waits_for_one(world, line):
    line.ask("c1", "What is a tide? [[fault=429]]")

    assert world.work() == []

    assert [each["type"] for each in line.frames] == ["ready", "accepted"]


def test_a_chat_of_a_conversation_is_remembered_before_it_is_done(world, connect):
    key = world.key()
    line = connect(key)
    made = world.call("POST", "/v1/conversations", {}, key=key).json["id"]

    line.ask("c1", "What is a tide?", conversation=made)
    world.work()

    items = world.call("GET", f"/v1/conversations/{made}/items", key=key).json["data"]
    assert [each["role"] for each in items] == ["assistant", "user"]
    assert line.frames[-1]["type"] == "done"


def test_a_job_that_waits_over_http_can_be_heard_on_a_connection(world, connect):
    key = world.key()
    line = connect(key)
    body = {"model": MODEL, "messages": [{"role": "user", "content": "What is a tide?"}]}
    job = world.call("POST", "/v1/chat/completions", body, key=key, headers={"prefer": "respond-async"}).json["id"]

    line.say(type="resume", job=job, after=0, id="c1")
    world.work()

    assert "tide" in text_of(line.frames)
    assert (line.frames[-1]["type"], line.frames[-1]["id"]) == ("done", "c1")


@pytest.mark.parametrize(
    ("body", "chat"),
    [
        ("", None),
        ("{", None),
        ("null", None),
        ("[]", None),
        ('"auth"', None),
        ("{}", None),
        ('{"type": "shout", "id": "c1"}', "c1"),
        ('{"type": "chat", "id": "c1"}', "c1"),
        ('{"type": "chat", "id": "c1", "request": {}}', "c1"),
        ('{"type": "chat", "id": "c1", "request": {"model": "nova-lite", "messages": [], "also": 1}}', "c1"),
        (
            '{"type": "chat", "id": "c1", "request": {"model": "x", "messages": [{"role": "user", "content": ""}]}}',
            "c1",
        ),
        ('{"type": "chat", "id": "", "request": {}}', None),
        ('{"type": "chat", "id": 7, "request": {}}', None),
        ('{"type": "chat", "id": "c\\n1", "request": {}}', None),
        ('{"type": "cancel", "id": "c1", "also": 1}', "c1"),
        ('{"type": "cancel", "id": "unknown"}', "unknown"),
        ('{"type": "resume", "job": "job_1", "after": -1}', None),
        ('{"type": "resume", "job": "job_1", "after": 1e999}', None),
        ('{"type": "resume", "job": "job_1", "after": "1"}', None),
        ('{"type": "resume", "job": "", "after": 0}', None),
        ('{"type": "resume", "job": "../admin", "after": 0, "id": "c1"}', "c1"),
        ('{"type": "ping", "id": "c1"}', "c1"),
        ('{"type": "chat", "id": "c1", "request": NaN}', None),
        ("[" * 5_000, None),
        ('{"type": "chat", "id": "c1", "request": ' + "[" * 500 + "]" * 500 + "}", None),
        ('{"type": "chat", "id": "c1", "request": {"model": "\ud800"}}', "c1"),
        ("\x00", None),
        ("\ufeff{}", None),
    ],
)
def test_garbage_is_told_as_an_error_of_its_sender(world, line, body, chat):
    (refused,) = line.send(body)

    assert (refused["type"], refused["id"]) == ("error", chat)
    assert refused["error"]["type"] == "invalid_request_error"
    assert not line.is_closed
    assert line.say(type="ping") == [{"type": "pong"}]
    assert world.leases() == {}


def test_a_binary_frame_is_refused(line):
    (refused,) = line.send("AAECAw==", isBase64Encoded=True)

    assert refused["error"]["code"] == "invalid_body"


def test_nothing_but_a_ping_is_answered_without_a_key(exchange, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    line = Line(exchange)
    line.open()

    assert line.say(type="ping") == [{"type": "pong"}]
    (refused,) = line.ask("c1", "Hello")
    assert refused["error"]["code"] == "invalid_api_key"
    assert line.is_closed


def test_a_connection_that_is_unknown_is_sent_away(exchange):
    line = Line(exchange)

    (refused,) = line.say(type="ping")

    assert (refused["error"]["code"], line.is_closed) == ("invalid_api_key", True)


def test_a_connection_cannot_become_somebody_elses(world, line):
    (refused,) = line.say(type="auth", key=world.key("mallory", "eve"))

    assert refused["error"]["code"] == "conflict"


def test_no_more_chats_run_on_a_connection_than_may(world, line):
    for number in range(MOST_CHATS):
        line.ask(f"c{number}", f"Question {number}")
    (refused,) = line.ask("one too many", "Question")
    (refused_id,) = line.ask("more", "Question")
    (twice,) = line.ask("c0", "Question")

    assert refused["error"]["code"] == "invalid_value"
    assert refused_id["error"]["code"] == "rate_limit_exceeded"
    assert twice["error"]["code"] == "conflict"

    world.work()

    (accepted,) = line.ask("more", "Question")
    assert accepted["type"] == "accepted"


def test_a_flood_ends_the_connection(line):
    for _ in range(BURST_MESSAGES + 5):
        line.say(type="ping")

    assert line.is_closed


def test_a_flood_is_told_why_it_ends(line):
    said = [frame for _ in range(BURST_MESSAGES + 2) for frame in line.say(type="ping")]

    assert [each["error"]["code"] for each in said if each["type"] == "error"][:1] == ["rate_limit_exceeded"]


def test_a_connection_that_left_is_forgotten_and_its_answer_is_not(world, line, connect):
    (accepted,) = line.ask("c1", "What is a tide?")
    line.event("DISCONNECT")
    line.exchange.gone.add(line.address)

    world.work()
    again = connect(world.key(), "two")
    again.say(type="resume", job=accepted["job"], after=0)

    assert "tide" in text_of(again.frames)
    assert [item for item in world.rows("jobs") if item["pk"]["S"] == f"conn#{line.address}"] == []


def test_no_secret_is_kept_of_a_connection(world, connect):
    key = world.key()
    connect(key).ask("c1", "What is a tide?")

    assert key not in repr(world.everything())
    assert key.rpartition("_")[2] not in repr(world.everything())


def test_a_fault_of_ours_is_told_without_its_words(line, monkeypatch):
    def fail(*_):
        raise RuntimeError("the caller's secret")

    monkeypatch.setattr("chalicelib.pipeline.sockets.chat", fail)

    (told,) = line.ask("c1", "What is a tide?")

    assert (told["id"], told["error"]["code"]) == ("c1", "internal_error")
    assert "secret" not in json.dumps(told)


def test_no_word_of_a_caller_is_logged(world, connect, monkeypatch):
    said = io.StringIO()
    telemetry.logger()
    for handler in logging.getLogger("tidegate").handlers:
        monkeypatch.setattr(handler, "stream", said)
    key = world.key()
    line = connect(key)

    line.ask("c1", "canary-question")
    line.ask("c2", "canary-refused", temperature=99)
    line.send("canary-garbage")
    line.say(type="auth", key=key.replace("_live_", "_canary_"))
    world.work()

    logged = said.getvalue()
    assert '"refused"' in logged
    assert "canary" not in logged
    assert key not in logged
