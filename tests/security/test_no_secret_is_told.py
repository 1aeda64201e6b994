"""What was said, and what is secret, is in no log line, metric, message, error or `repr`, whatever goes wrong.

Every input has a canary. `SAID` is in prompts, tools and metadata, and comes back in answers alone. `NAMED` is where a
refusal may quote it to its own sender: in names, headers and queries. `SECRETS` are keys, peppers and signing secrets.
One setting lets prompts into a log, without keys; no stage has it.
"""

import json
import os

import pytest
from botocore.exceptions import ClientError

from chalicelib import bootstrap, settings
from chalicelib.domain.identity import parse_token
from chalicelib.edge.telemetry import log_refit, log_sweep, logger
from tests.functional.conftest import world
from tests.functional.test_logs import lines
from tests.functional.test_sockets import connect, exchange
from tests.functional.world import ROOT, chat_body

__all__ = ["connect", "exchange", "lines", "world"]

SAID = "canaryofspeech"
NAMED = "canaryofnames"
PEPPER = "canaryofthepepper"
UPSTREAM_KEY = "canaryoftheupstream"
HOOK = "https://hooks.example.com/canaryofthehook"
UPSTREAM = "sk-proj-Zr8Q0c1kVb2nXw7tLe9uYp4sHd6fGa3jMi5o-Kq1Wz8Ub0Tc7Rv2Ex9Ny4Lp6Sh3Df"
CHAT = "/v1/chat/completions"
FAULTS = ["400", "429", "500", "refuse", "garbage", "cut after=0", "cut after=2", f"{NAMED}"]
HEADERS = [
    "user-agent",
    "x-request-id",
    "traceparent",
    "cookie",
    "accept",
    "referer",
    "x-forwarded-for",
    "content-type",
]
SPEECH = [
    {"messages": [{"role": "system", "content": SAID}, {"role": "user", "content": SAID}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": SAID}], "name": "ada"}]},
    {"tools": [{"type": "function", "function": {"name": "f", "description": SAID, "parameters": {SAID: SAID}}}]},
    {"metadata": {"a": SAID}, "user": SAID, "stop": SAID},
    {"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {"title": SAID}}}},
    {"messages": [{"role": "user", "content": SAID}], "temperature": 99},
    {"messages": [{"role": "user", "content": {"a": SAID}}]},
    {"messages": [{"role": "user", "content": SAID}], "max_tokens": 10**6},
    {"messages": [{"role": "user", "content": SAID * 40_000}]},
    {"messages": [{"role": "user", "content": SAID}], "conversation": "conv_0"},
]
"""Fields of a chat with the canary in them: good ones, and some that are refused for another fault than its words."""

NAMES = [
    ("GET", f"/v1/models/{NAMED}", None),
    ("GET", f"/v1/conversations/{NAMED}/items/{NAMED}", None),
    ("GET", f"/v1/conversations?after={NAMED}&order={NAMED}", None),
    ("GET", f"/v1/responses/{NAMED}", None),
    ("GET", f"/v1/jobs/{NAMED}", None),
    ("GET", f"/v1/usage?{NAMED}={NAMED}", None),
    ("GET", f"/admin/keys?tenant=acme&after={NAMED}", None),
    ("GET", f"/admin/keys/{NAMED}", None),
    ("DELETE", f"/admin/plans/{NAMED}", None),
    ("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "plan": NAMED}),
    ("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "name": NAMED}),
    ("POST", "/admin/plans", {"name": "x", "limits": [{"subject": NAMED}]}),
    ("POST", "/v1/cache/feedback", {"id": NAMED, "correct": True}),
    ("POST", CHAT, chat_body("Hi", model=NAMED)),
    ("POST", CHAT, chat_body("Hi", **{NAMED: NAMED})),
    ("POST", CHAT, chat_body({"role": NAMED, "content": "Hi"})),
    ("POST", CHAT, NAMED),
    ("POST", CHAT, f'{{"{NAMED}": '),
    ("POST", "/v1/embeddings", {"model": NAMED, "input": "tide"}),
    ("POST", "/v1/responses", {"model": "nova-lite", "input": "Hi", "previous_response_id": NAMED}),
]


@pytest.fixture
def told(world, lines, capsys):
    """Everything that was written anywhere but into the database: logs, metrics, messages dead and alive."""

    def everything():
        sinks = {"logs": "\n".join(lines()), "metrics": "".join(capsys.readouterr())}
        return sinks | {f"queue {place}": "\n".join(world.taken(place)) for place in (0, 1)}

    return everything


@pytest.fixture
def secretive(world, monkeypatch):
    """The same world with secrets that are easily found."""
    monkeypatch.setenv("TIDEGATE_PEPPER", PEPPER)
    monkeypatch.setenv("TIDEGATE_UPSTREAM_KEY", UPSTREAM_KEY)
    world.restart()
    return world


@pytest.fixture
def key(world):
    return world.key(scopes=frozenset({"chat", "admin"}))


def leaks(told, *canaries):
    return [(name, each) for name, text in told.items() for each in canaries if each in text]


def errors(answers):
    return {"errors": "\n".join(answer.body.decode() for answer in answers if answer.status >= 400)}


def test_the_canary_would_be_found(world, lines, told):
    logger().info(SAID)
    print(NAMED)  # noqa: T201
    world.sqs.send_message(QueueUrl=world.queues[1], MessageBody=PEPPER)

    found = told()
    assert leaks(found, SAID)
    assert leaks(found, NAMED)
    assert leaks(found, PEPPER) == [("queue 1", PEPPER)]


@pytest.mark.parametrize("headers", [{}, {"prefer": "respond-async"}], ids=["now", "later"])
def test_nothing_that_is_said_is_told(world, key, told, headers):
    bodies = [{**chat_body(SAID), "cache": {"no-store": True}, **fields} for fields in SPEECH]
    bodies += [{**each, "stream": True} for each in bodies]

    answers = [world.call("POST", CHAT, body, key=key, headers=headers) for body in bodies]
    queued = {f"queued {place}": body for place, body in enumerate(world.taken())}
    world.work(*queued.values())
    answers.append(world.call("POST", "/v1/embeddings", {"model": "wordllama-256", "input": SAID}, key=key))
    answers.append(world.call("POST", "/v1/responses", {"model": "nova-lite", "input": SAID, "n": 1}, key=key))
    answers.append(world.call("POST", "/v1/conversations", {"items": [{"role": "x", "content": SAID}]}, key=key))

    assert {answer.status for answer in answers} >= {202 if headers else 200, 400}
    assert leaks(told() | queued | errors(answers), SAID) == []


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stream", [False, True])
def test_no_fault_of_a_model_tells_what_was_said(world, key, told, fault, stream):
    answers = [
        world.call("POST", CHAT, chat_body(f"{SAID} [[fault={fault}]]", stream=stream), key=key, headers=headers)
        for headers in ({}, {"prefer": "respond-async"})
    ]
    queued = {"queued": "".join(taken := world.taken())}
    world.work(*taken)

    broken = [answer for answer in answers if answer.status >= 400]
    assert leaks(told() | queued | errors(broken), SAID) == []


@pytest.mark.parametrize(("method", "path", "body"), NAMES, ids=map(str, range(len(NAMES))))
def test_no_name_of_a_caller_is_logged(world, key, told, method, path, body):
    assert world.call(method, path, body, key=key).status < 500

    assert leaks(told(), NAMED) == []


@pytest.mark.parametrize("name", [*HEADERS, "authorization", "prefer", "cache-control", "idempotency-key"])
def test_no_header_is_logged(world, key, told, name):
    for value in (NAMED, f"{NAMED}\r\n", f"wait={NAMED}", f"Bearer {NAMED}", f"Bearer tg_live_{NAMED}"):
        assert world.call("POST", CHAT, chat_body("Hi"), key=key, headers={name: value}).status < 500

    assert leaks(told(), NAMED) == []


@pytest.mark.parametrize(
    "operation", ["TransactWriteItems", "BatchGetItem", "GetItem", "PutItem", "UpdateItem", "Query"]
)
def test_no_fault_of_the_database_tells_what_was_said(world, key, told, operation):
    def broken(**_):
        raise ClientError({"Error": {"Code": "ValidationException", "Message": f"{SAID} {NAMED}"}}, operation)

    world.restart()
    client = bootstrap.services().gate.turns._database._connect()
    client.meta.events.register_first(f"before-call.dynamodb.{operation}", broken)

    answers = [
        world.chat(SAID, key=key),
        world.call("POST", "/v1/conversations", {"metadata": {"a": SAID}}, key=key),
        world.call("GET", "/v1/conversations", key=key),
        world.call("POST", CHAT, chat_body(SAID), key=key, headers={"prefer": "respond-async"}),
    ]

    assert any(answer.status >= 500 for answer in answers) or operation in {"PutItem", "UpdateItem", "GetItem"}
    assert leaks(told() | errors(answers), SAID, NAMED) == []


@pytest.mark.parametrize("place", ["turn.answer", "turn.stream", "work.complete", "embed.embed", "sockets.chat"])
def test_no_bug_tells_what_was_said(world, key, told, connect, monkeypatch, place):
    def broken(*_, **__):
        raise RuntimeError(f"{SAID} {NAMED} {key}")

    line = connect(key)
    world.call("POST", CHAT, chat_body(SAID), key=key, headers={"prefer": "respond-async"})
    monkeypatch.setattr(f"chalicelib.pipeline.{place}", broken)

    answers = [
        world.chat(SAID, key=key),
        world.chat(SAID, key=key, stream=True),
        world.call("POST", "/v1/embeddings", {"model": "wordllama-256", "input": SAID}, key=key),
    ]
    frames = {"frames": json.dumps(line.ask("c1", SAID)[:1])}
    world.work()

    refused = leaks(told() | errors(answers) | frames, SAID, NAMED, key)
    assert refused == []


def test_no_message_that_is_dead_has_what_was_said(world, key, told):
    world.call("POST", CHAT, chat_body(f"{SAID} [[fault=500]]"), key=key, headers={"prefer": "respond-async"})
    bodies = world.taken()
    for _ in range(4):
        world.work(*bodies)
    world.work('{"job": "job_1", "line": "acme"}')

    found = told()
    assert found["queue 1"]
    assert leaks(found, SAID) == []


def test_no_secret_is_in_a_log_an_error_or_a_repr(secretive, told, connect):
    world = secretive
    admin = world.key(scopes=frozenset({"chat", "admin"}))
    made = world.call("POST", "/admin/keys", {"tenant": "acme", "user": "ada"}, key=admin).json
    hook = world.call("POST", "/admin/tenants/acme", {"webhook": {"url": HOOK}}, key=admin).json["webhook"]["secret"]
    key = made["key"]
    answers = [
        world.chat("Hi", key=key),
        world.chat("Hi [[fault=500]]", key=key),
        world.chat("Hi", key=f"{key}x"),
        world.chat("Hi", key=key[:-1]),
        world.chat(f"Bearer {key}", key=key, temperature=9),
        world.call("GET", f"/admin/keys/{parse_token(key).key_id}", key=admin),
        world.call("GET", "/admin/keys?tenant=acme", key=admin),
        world.call("GET", "/admin/tenants/acme", key=admin),
        world.call("POST", f"/admin/keys/{parse_token(key).key_id}/rotate", {}, key=key),
        world.call("DELETE", f"/admin/keys/{parse_token(key).key_id}", key=admin),
        world.chat("Hi", key=key),
    ]
    line = connect(admin)
    line.say(type="auth", key=f"{admin}x")
    use = bootstrap.services()
    shown = [settings.read(os.environ), parse_token(admin), bootstrap.peppers(settings.read(os.environ)), use.gate]

    secrets = [PEPPER, UPSTREAM_KEY, hook, *(each.rpartition("_")[2][:24] for each in (admin, key))]
    bodies = {f"answer {place}": answer.body.decode() for place, answer in enumerate(answers)}
    reprs = {type(each).__name__: repr(each) for each in shown}
    frames = {"frames": json.dumps(line.frames)}
    assert leaks(told() | bodies | reprs | frames, *secrets) == []


def said_in_every_way(key):
    return [
        key,
        f"My key is {key}, what is a tide?",
        f"Authorization: Bearer {key}",
        f"export TIDEGATE_KEY={key}; curl -H 'Authorization: Bearer {key}'",
        f'{{"api_key": "{key}"}}',
        f"x{key}",
        f"{key[:40]} {key[40:]}",
        "tide " * 790 + key,
        "tide" * 990 + key,
    ]


@pytest.mark.parametrize("stream", [False, True])
def test_no_key_is_logged_though_prompts_are(world, key, told, connect, monkeypatch, stream):
    monkeypatch.setenv("TIDEGATE_LOG_PROMPTS", "redacted")
    world.restart()
    other = world.key("acme", "bob")
    texts = [said for each in (key, other, UPSTREAM) for said in said_in_every_way(each)]

    for text in texts:
        assert world.chat(f"{SAID} {text}", key=key, stream=stream).status == 200
    world.call("POST", CHAT, chat_body(f"{SAID} {texts[1]}"), key=key, headers={"prefer": "respond-async"})
    world.work()
    connect(key).ask("c1", f"{SAID} {texts[1]}")
    world.work()

    found = told()
    assert found["logs"].count(f'"question":"{SAID}') >= len(texts)
    assert found["logs"].count(SAID) > found["logs"].count(f'"question":"{SAID}')  # in answers too: the model repeats
    parts = [
        each[start : start + 12] for each in (key, other) for start in (50, 68)
    ]  # a key's id is in the line itself
    assert leaks(found, *parts, *(UPSTREAM[start : start + 12] for start in (8, 30, 60))) == []


def test_prompts_are_logged_in_no_stage():
    for stage in json.loads((ROOT / ".chalice" / "config.json").read_text())["stages"].values():
        assert "LOG_PROMPTS" not in json.dumps(stage)
    assert settings.read({}).log_prompts == "off"


def test_no_secret_is_kept_as_it_is(secretive):
    world = secretive
    admin = world.key(scopes=frozenset({"chat", "admin"}))
    key = world.call("POST", "/admin/keys", {"tenant": "acme", "user": "ada"}, key=admin).json["key"]
    world.chat("Hi", key=key)

    kept = {"tables": repr(world.everything())}
    assert leaks(kept, PEPPER, UPSTREAM_KEY, *(each.rpartition("_")[2][:24] for each in (admin, key))) == []


def test_no_sweep_and_no_refit_tells_what_was_said(world, key, told):
    world.chat(SAID, key=key)
    b"".join(world.stream(f"{SAID} [[fault=cut after=2]]", key=key).body)
    log_sweep(bootstrap.sweeper().run())
    log_refit(bootstrap.refitter().run())

    found = told()
    assert all(name in "".join(found.values()) for name in ('"sweep"', '"refit"', "CloudWatchMetrics"))
    assert leaks(found, SAID) == []
