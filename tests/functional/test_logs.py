"""One line for each turn, and in no line anything that was said or any secret."""

import io
import json
import logging

import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib import bootstrap
from chalicelib.edge import telemetry
from tests.functional.world import STAGE

CANARY = "xyzzycanary"
NAMES = {"turn_id", "tenant", "user", "key_id", "gen_ai.request.model", "target", "attempts", "cache", "overhead_ms"}


@pytest.fixture
def lines(monkeypatch):
    """Everything that is logged, by anybody, as it would be written."""
    said = io.StringIO()
    telemetry.logger()
    logging.getLogger("tidegate").handlers[0].setStream(said)
    root = logging.StreamHandler(said)
    logging.getLogger().addHandler(root)
    monkeypatch.setattr("sys.stdout", said)
    monkeypatch.setattr("sys.stderr", said)
    yield lambda: said.getvalue().splitlines()
    logging.getLogger().removeHandler(root)


@pytest.fixture
def key(world):
    return world.key()


def logged(lines, message):
    decoded = [json.loads(line) for line in lines() if line.startswith("{")]
    return [line for line in decoded if line.get("message") == message]


def turns(lines):
    return logged(lines, "turn")


def test_a_turn_is_one_line_with_its_figures(world, key, lines):
    usage = world.chat("What is a tide?", key=key).json["usage"]

    (line,) = turns(lines)
    assert line.keys() >= NAMES
    assert (line["tenant"], line["user"], line["cache"], line["attempts"]) == ("acme", "ada", "miss", 1)
    assert line["gen_ai.usage.input_tokens"] == usage["prompt_tokens"]
    assert line["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert line["usd_micros"] == world.used().usd_micros
    assert line["gen_ai.response.finish_reasons"] == ["stop"]
    assert (line["gen_ai.operation.name"], line["gen_ai.provider.name"]) == ("chat", "simulated")
    assert [(each["target"], each["outcome"]) for each in line["tried"]] == [("simulated://echo", "answered")]


def test_a_hit_is_one_line_that_burned_nothing(world, key, lines):
    for _ in range(2):
        world.chat("What is a tide?", key=key)

    _, line = turns(lines)
    assert (line["cache"], line["gen_ai.usage.output_tokens"], line["usd_micros"]) == ("hit", 0, 0)


def test_a_stream_is_one_line_when_it_ends(world, key, lines):
    answer = world.stream("What is a tide?", key=key)
    assert turns(lines) == []

    b"".join(answer.body)

    (line,) = turns(lines)
    assert line["gen_ai.usage.output_tokens"] > 0


@pytest.mark.parametrize("fault", [True, False])
def test_a_cut_stream_is_one_line_that_says_so(world, key, lines, fault):
    answer = world.stream("What is a tide?" + " [[fault=cut after=3]]" * fault, key=key)

    for _ in range(6 if fault else 2):
        next(answer.body, None)
    answer.body.close()

    (line,) = turns(lines)
    assert line["error.type"] == "cut"
    assert "gen_ai.response.finish_reasons" not in line


@pytest.mark.parametrize(
    ("fault", "told", "tried"),
    [
        ("500", "ModelUnavailable", ["ModelUnavailable"] * 2),
        ("garbage", "ModelGarbled", ["ModelGarbled"]),
        ("400", "BadRequest", ["ModelRejected"]),
    ],
)
def test_a_turn_that_no_target_answered_is_one_line_that_says_so(world, key, lines, fault, told, tried):
    world.chat(f"What is a tide? [[fault={fault}]]", key=key)

    (line,) = turns(lines)
    assert (line["error.type"], line["attempts"]) == (told, len(tried))
    assert [each["outcome"] for each in line["tried"]] == tried
    assert line["usd_micros"] == world.used().usd_micros


def test_each_attempt_is_counted_by_its_target(world, key, capsys):
    world.chat("What is a tide? [[fault=429]]", key=key)
    world.chat("What is a tide?", key=key, model="claude-haiku-4-5")

    calls = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"throttles"' in line]
    assert [(each["target"], each["model"]) for each in calls] == [
        ("simulated://echo", "nova-lite"),
        ("simulated://echo", "claude-haiku-4-5"),
    ]
    assert [(each["calls"], each["faults"], each["throttles"]) for each in calls] == [
        ([1.0], [1.0], [1.0]),
        ([1.0], [0.0], [0.0]),
    ]
    assert {"Namespace", "Dimensions", "Metrics"} <= calls[0]["_aws"]["CloudWatchMetrics"][0].keys()
    assert {each["service"] for each in calls} == {f"tidegate-{STAGE}"}  # stages of an account are counted apart


def test_an_embedding_is_one_line(world, key, lines):
    world.call("POST", "/v1/embeddings", {"model": "wordllama-256", "input": "tide"}, key=key)

    (line,) = turns(lines)
    assert line["gen_ai.request.model"] == "wordllama-256"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "nova-lite", "messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/embeddings", {"model": "wordllama-256", "input": "tide"}),
    ],
)
def test_the_line_of_a_turn_has_the_id_of_its_request(world, key, lines, path, body):
    answer = world.call("POST", path, body, key=key)

    (line,) = turns(lines)
    assert line["request_id"] == answer.headers["x-request-id"]


def test_the_line_of_a_stream_has_the_id_of_its_request(world, key, lines):
    answer = world.stream("What is a tide?", key=key)
    b"".join(answer.body)

    (line,) = turns(lines)
    assert line["request_id"] == answer.headers["x-request-id"]


def test_the_line_of_a_refusal_says_which_call_it_refused(world, key, lines):
    answer = world.call("GET", f"/v1/conversations/{CANARY}", key=key)

    (line,) = logged(lines, "refused")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"]) == ("GET", "/v1/conversations/{conversation_id}")


def test_a_bug_is_logged_by_its_place_and_not_by_its_words(world, key, lines, monkeypatch):
    def broken(*_):
        raise KeyError(CANARY)

    monkeypatch.setattr("chalicelib.pipeline.turn.answer", broken)

    answer = world.chat(CANARY, key=key)

    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert CANARY not in answer.body.decode()
    (line,) = [json.loads(line) for line in lines() if '"bug"' in line]
    assert line["error"] == "KeyError"
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["method"], line["route"]) == ("POST", "/v1/chat/completions")
    assert line["where"][-1].startswith("test_logs.py:")
    assert [line for line in lines() if CANARY in line] == []


def test_a_bug_keeps_what_was_reserved(world, key, lines, monkeypatch):
    def broken(*_, **__):
        raise KeyError(CANARY)

    monkeypatch.setattr("chalicelib.pipeline.routing.router.Router.complete", broken)

    world.chat("What is a tide?", key=key)

    assert world.leases() == {"open": 1}
    assert world.used().tokens > 0


def lose(**_):
    raise ReadTimeoutError(endpoint_url="the database")


def test_a_turn_that_nobody_could_count_is_a_warning_and_says_so_in_its_line(world, lines):
    key = world.key(plan=world.plan(name="open", fail_open=True))
    world.restart()
    client = bootstrap.services().gate.turns._database._connect()
    client.meta.events.register_first("before-call.dynamodb.TransactWriteItems", lose)

    assert world.chat("What is a tide?", key=key).status == 200

    (warning,) = logged(lines, "unmetered")
    (line,) = turns(lines)
    assert (warning["level"], warning["tenant"], line["unmetered"]) == ("WARNING", "acme", True)


def test_without_the_database_nothing_goes_on_that_no_plan_lets(world, key, lines):
    world.restart()
    client = bootstrap.services().gate.turns._database._connect()
    client.meta.events.register_first("before-call.dynamodb.TransactWriteItems", lose)

    refused = world.chat("What is a tide?", key=key)

    assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
    assert refused.headers["retry-after"]
    assert turns(lines) == logged(lines, "unmetered") == []
