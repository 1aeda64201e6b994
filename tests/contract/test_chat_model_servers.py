"""What the models behind a server make of what servers do."""

import pytest

from chalicelib.adapters.models import openai_upstream
from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.chat import Usage, User
from chalicelib.domain.errors import ModelGarbled, ModelThrottled, ModelTimeout, ModelUnavailable
from tests.upstreams import bedrock_server, openai_server
from tests.upstreams.openai_server import OpenAiServer
from tests.upstreams.targets import ask, opened, put_together


@pytest.fixture
def target(request, monkeypatch):
    with opened(request.param, monkeypatch) as target:
        yield target


@pytest.mark.parametrize("target", ["openai"], indirect=True)
def test_a_connection_is_kept_for_the_next_call(target):
    request = ask(User("hello"))

    for _ in range(3):
        target.model.complete(request)
        list(target.model.stream(request))

    assert target.server.connections == 1


@pytest.mark.parametrize("target", ["openai"], indirect=True)
@pytest.mark.parametrize(
    "cut", [{"piece": 1}, {"piece": 3, "end": "\r\n"}, {"piece": 1, "end": "\r"}, {"keep_open": False}]
)
def test_a_stream_may_be_cut_anywhere_between_bytes(target, cut):
    target.server.replies.append(openai_server.Reply(**cut))

    assert put_together(target.model.stream(ask(User("Łódź 😀")))).text == "Echo: Łódź 😀"


@pytest.mark.parametrize("target", ["openai"], indirect=True)
def test_a_server_that_counts_nothing_has_no_usage(target):
    target.server.replies += [openai_server.Reply(usage=False)] * 2

    assert target.model.complete(ask(User("hello"))).usage == Usage()
    assert put_together(target.model.stream(ask(User("hello")))).usage is None


@pytest.mark.parametrize("target", ["openai"], indirect=True)
def test_a_stream_may_end_without_saying_that_it_is_done_or_why(target):
    said = 'data: {"choices": [{"delta": {"content": "hi"}%s}]}\n\n'
    for events in [(said % ', "finish_reason": "length"',), (said % "", "data: [DONE]\n\n"), (said % "",)]:
        target.server.replies.append(openai_server.Reply(events=events))

    reasons = [put_together(target.model.stream(ask(User("x")))).finish_reason for _ in range(2)]

    assert reasons == ["length", "stop"]
    with pytest.raises(ModelUnavailable):
        list(target.model.stream(ask(User("x"))))


@pytest.mark.parametrize(
    ("target", "reply"),
    [
        ("openai", openai_server.Reply(events=('data: {"error": {"message": "m", "type": "rate_limit_error"}}\n\n',))),
        ("bedrock", bedrock_server.Reply(error="throttlingException", error_after=3)),
    ],
    indirect=["target"],
)
def test_an_error_may_come_as_an_event(target, reply):
    target.server.replies.append(reply)

    with pytest.raises(ModelThrottled):
        list(target.model.stream(ask(User("some words to lose"))))


@pytest.mark.parametrize("target", ["openai", "bedrock", "sagemaker"], indirect=True)
def test_silence_in_the_middle_is_a_timeout(target):
    target.stall(after=4)

    with pytest.raises(ModelTimeout):
        list(target.model.stream(ask(User("some words that nobody finishes"))))


@pytest.mark.parametrize("target", ["openai"], indirect=True)
@pytest.mark.parametrize("later", [False, True])
def test_an_answer_without_end_is_given_up(target, monkeypatch, later):
    if later:
        target.model.complete(ask(User("x")))
    monkeypatch.setattr(openai_upstream, "_LARGEST_ANSWER", 1_000)
    monkeypatch.setattr(openai_upstream, "_LARGEST_STREAM", 1_000)
    monkeypatch.setattr(openai_upstream, "_LARGEST_EVENT", 500)
    target.server.replies += [openai_server.Reply(text="word " * 500)] * 2
    target.server.replies.append(openai_server.Reply(events=("data: " + "x" * 600,)))

    with pytest.raises(ModelGarbled):
        target.model.complete(ask(User("x")))
    for _ in range(2):
        with pytest.raises(ModelGarbled):
            list(target.model.stream(ask(User("x"))))


@pytest.mark.parametrize("target", ["openai"], indirect=True)
@pytest.mark.parametrize("later", [False, True])
def test_an_answer_that_breaks_off_is_no_answer(target, later):
    if later:
        target.model.complete(ask(User("x")))
    target.server.replies.append(openai_server.Reply(cut_after=1))

    with pytest.raises(ModelGarbled):
        target.model.complete(ask(User("hello")))


def test_a_server_that_is_not_there_is_unavailable():
    with OpenAiServer() as server:
        gone = open_openai(f"openai+{server.url}")

    with pytest.raises(ModelUnavailable):
        gone.complete(ask(User("hello")))
