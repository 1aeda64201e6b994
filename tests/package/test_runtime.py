"""The runtime by itself: what it tells a function, and Lambda of what the function did. Each handler is three lines."""

import os
import subprocess
import textwrap

import pytest

from tests.package.runtime_api import ARN, PATIENCE_SECONDS, Function, RuntimeApi

HANDLERS = """
    import json, os

    def answer(body, **fields):
        return {"statusCode": 200, "headers": {}, "multiValueHeaders": {}, "body": body, **fields}

    def echo(event, context):
        told = {name: getattr(context, name) for name in dir(context) if name[0] != "_" and name[:3] != "get"}
        trace = os.environ.get("_X_AMZN_TRACE_ID")
        return answer(json.dumps([event, told, context.get_remaining_time_in_millis(), trace]))

    def pieces(event, context):
        several = {"Set-Cookie": ["a=1", "b=2"]}
        return answer((each.encode() for each in event), statusCode=201, multiValueHeaders=several)

    def bug(event, context):
        def said():
            yield b"one"
            raise KeyError("a secret")
        return answer(said())

    def stuck(event, context):
        class Said:
            def __iter__(self):
                return self
            def __next__(self):
                return b"x" * 1_000_000
            def close(self):
                raise ZeroDivisionError("a secret")
        return answer(Said() if event else "")
"""


@pytest.fixture
def api():
    found = RuntimeApi()
    yield found
    found.close()


@pytest.fixture(scope="module")
def handlers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "handlers.py").write_text(textwrap.dedent(HANDLERS))
    (folder / "broken.py").write_text("import nowhere\n")
    return folder


@pytest.fixture
def start(unpacked, handlers, api):
    """Starts a function with one of the handlers."""
    running = []

    def started(handler, **environ):
        running.append(Function(unpacked, api, handler=handler, PYTHONPATH=str(handlers), **environ))
        return running[-1]

    yield started
    for each in running:
        each.stop()


def test_the_wrapper_may_be_executed(unpacked):
    assert os.access(unpacked / "chalicelib/runtime/start", os.X_OK)


def test_a_function_is_told_of_its_invocation(start, api):
    start("handlers.echo", AWS_LAMBDA_FUNCTION_VERSION="7", AWS_LAMBDA_LOG_GROUP_NAME="group")

    asked = api.ask({"a": 1}, seconds=60, trace_id="Root=1-5f", client_context='{"custom": {"b": 2}}')

    event, told, left, trace = asked.json
    assert event == {"a": 1}
    assert 0 < left <= 60_000
    assert trace == "Root=1-5f"
    assert told == {
        "aws_request_id": asked.id,
        "invoked_function_arn": ARN,
        "client_context": {"custom": {"b": 2}},
        "identity": None,
        "function_name": "tidegate-solo-stream",
        "function_version": "7",
        "memory_limit_in_mb": "1024",
        "log_group_name": "group",
        "log_stream_name": "",
    }


def test_what_is_not_traced_has_no_trace_of_the_one_before(start, api):
    start("handlers.echo")
    traced = api.ask({}, trace_id="Root=1-5f")

    untraced = api.ask({}, trace_id=None)

    assert [asked.json[-1] for asked in (traced, untraced)] == ["Root=1-5f", None]


def test_pieces_arrive_as_they_are_and_an_empty_one_is_no_end(start, api):
    start("handlers.pieces")
    large = "x" * 1_000_000

    asked = api.ask(["one", "", "øne", large])

    assert asked.rest() == [b"one", "øne".encode(), large.encode()]
    assert asked.trailers == {}


def test_a_header_may_have_several_values(start, api):
    start("handlers.pieces")

    asked = api.ask([])

    assert asked.answer == {"statusCode": 201, "headers": {}, "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}}


def test_a_bug_in_the_middle_is_told_in_trailers_without_its_message(start, api):
    function = start("handlers.bug")

    asked = api.ask({})

    assert asked.rest() == [b"one"]
    assert asked.fault == (
        "Runtime.KeyError",
        {"errorType": "Runtime.KeyError", "errorMessage": "See the log.", "stackTrace": []},
    )
    assert '"error":"KeyError"' in function.log
    assert "secret" not in function.log


@pytest.mark.parametrize("pieces", [0, 3])
def test_whoever_leaves_does_not_keep_the_next_from_being_answered(start, api, pieces):
    """Not even where what is ended fails: it does, on each call."""
    start("handlers.stuck")
    gone = api.ask({"a": 1}, leaves_after=pieces)

    assert api.ask({}).rest() == []
    assert gone.over.is_set()


def test_a_caller_who_takes_nothing_is_left_while_there_is_time(start, api):
    start("handlers.stuck")
    api.ask({"a": 1}, seconds=0, stops_after=1)

    assert api.ask({}).rest() == []


def test_between_two_events_it_sleeps_for_as_long_as_it_takes(start, api):
    """However little time the last answer had: 0.1 s for each write."""
    function = start("handlers.echo")
    assert api.ask({}, seconds=0).answer["statusCode"] == 200

    with pytest.raises(subprocess.TimeoutExpired):
        function.process.wait(0.5)

    assert api.ask({}).answer["statusCode"] == 200


@pytest.mark.parametrize("status", [400, 413])
def test_an_answer_that_is_not_taken_is_forgotten(start, api, status):
    start("handlers.echo")
    refused = api.ask({}, status=status)

    assert refused.over.wait(PATIENCE_SECONDS)
    assert api.ask({"a": 1}).json[0] == {"a": 1}


@pytest.mark.parametrize("handler", ["nowhere.stream", "handlers.nothing", "broken.stream", "handlers"])
def test_a_function_that_cannot_be_loaded_says_so_and_ends(start, api, handler):
    function = start(handler)

    kind, body = api.failed_to_start.get(timeout=PATIENCE_SECONDS)

    assert kind in {"Runtime.ModuleNotFoundError", "Runtime.AttributeError", "Runtime.ValueError"}
    assert kind in body
    assert function.end() == 1
    assert "Traceback" in function.log


def test_a_runtime_api_that_fails_ends_the_process(start, api):
    function = start("handlers.echo")

    api.ask({}, status=500)

    assert function.end() == 1
    assert function.log.splitlines()[-1] == "The Runtime API answered 500."


def test_a_runtime_api_that_breaks_off_ends_the_process(start, api):
    function = start("handlers.echo")

    api.break_off()

    assert function.end() == 1
    assert function.log.splitlines()[-1] == "The Runtime API broke off: RemoteDisconnected."
