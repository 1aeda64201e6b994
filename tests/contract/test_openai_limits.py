"""No answer of an OpenAI-compatible server takes longer than it may, however it comes."""

import pytest

from chalicelib.adapters.models.openai import OpenAiModel, open_openai
from chalicelib.adapters.models.openai_upstream import Parameters, _Wait
from chalicelib.domain.chat import Delta, User
from chalicelib.domain.errors import ModelTimeout, ModelUnavailable
from tests.upstreams.openai_server import OpenAiServer, Reply
from tests.upstreams.targets import ask

SOON = 0.4  # seconds; the server goes on for 10
ROLE = 'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n'
WORD = 'data: {"choices": [{"delta": {"content": "and "}}]}\n\n'
FILTER = 'data: {"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}\n\n'
COUNT = 'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0}}\n\n'


@pytest.fixture(params=["a first call", "a later call"])
def server(request):
    """Asked before, where the test's call is a later one: its connection stands."""
    with OpenAiServer() as server:
        if request.param == "a later call":
            open_openai(f"openai+{server.url}").complete(ask(User("hi")))
            server.requests.clear()
        yield server


def left(server):
    return server.hung_up.acquire(timeout=20)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(hang_after=0),
        Reply(raw=b"HTTP/1.1 200 OK\r\nx-slow: ", drip=b"x"),
        Reply(body=b"  ", drip=b" "),  # DeepSeek sends empty lines while a request is waiting
        Reply(headers={"transfer-encoding": "chunked"}, body=b"", drip=b"1\r\n \r\n"),
    ],
    ids=["silent", "headers", "body", "chunks"],
)
def test_a_whole_answer_that_trickles_is_over_when_patience_is(server, reply):
    server.replies.append(reply)

    with pytest.raises(ModelTimeout):
        open_openai(f"openai+{server.url}").complete(ask(User("hi")), SOON)

    assert left(server)


def test_the_target_s_own_limit_is_a_total_too(server):
    server.replies.append(Reply(body=b"  ", drip=b" "))

    with pytest.raises(ModelTimeout):
        open_openai(f"openai+{server.url}?first_byte_ms=400").complete(ask(User("hi")), 3_600)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(hang_after=0),
        Reply(events=(), drip=b": OPENROUTER PROCESSING\n\n"),
        Reply(events=(ROLE,), drip=b": keep-alive\n\n"),
        Reply(events=(), drip=ROLE.encode()),
        Reply(events=(FILTER, ROLE), drip=b": keep-alive\n\n"),
        Reply(events=(), drip=COUNT.encode()),
    ],
    ids=["silent", "comments", "role", "roles", "azure", "counts"],
)
def test_a_stream_that_says_nothing_is_over_when_patience_is(server, reply):
    server.replies.append(reply)

    with pytest.raises(ModelTimeout):
        next(open_openai(f"openai+{server.url}").stream(ask(User("hi")), SOON))

    assert left(server)


@pytest.mark.parametrize("keep_open", [True, False])
def test_a_stream_without_end_ends(server, keep_open):
    server.replies.append(Reply(events=(ROLE, WORD), drip=WORD.encode(), keep_open=keep_open))
    said = []

    with pytest.raises(ModelTimeout) as raised:
        said.extend(open_openai(f"openai+{server.url}?longest_ms=2000").stream(ask(User("hi"))))

    assert set(said) <= {Delta(text="and ")}
    assert raised.value.burned
    assert left(server)


def test_comments_do_not_stand_for_events(server):
    server.replies.append(Reply(events=(ROLE, WORD), drip=b": keep-alive\n\n"))

    with pytest.raises(ModelTimeout):
        list(open_openai(f"openai+{server.url}?idle_ms=400").stream(ask(User("hi"))))

    assert left(server)


def test_patience_ends_with_the_first_word():
    now = [100.0]
    wait = _Wait(Parameters(), 5, lambda: now[0])
    now[0] = 105.0

    with pytest.raises(ModelTimeout):
        wait.next_event()
    wait.said = True
    assert wait.next_event() == 30


@pytest.mark.parametrize(
    ("patience", "passed", "whole", "event"),
    [(None, 0, 50, 20), (9, 0, 9, 9), (9, 8, 1, 1), (70, 45, 5, 15), (70, 49, 1, 11)],
)
def test_silence_is_bounded_by_what_ends_first(patience, passed, whole, event):
    now = [100.0]
    wait = _Wait(Parameters(first_byte_ms=50_000, idle_ms=20_000, longest_ms=60_000), patience, lambda: now[0])
    now[0] += passed

    assert (wait.whole(), wait.next_event()) == (whole, event)


def test_what_stands_behind_hears_when_the_answer_has_said_something():
    heard = []

    class Upstream:
        def post(self, path, body, patience=None):
            raise NotImplementedError

        def events(self, path, body, patience=None):
            for event in (FILTER, ROLE, WORD, WORD):
                sent = yield event.removeprefix("data: ")
                heard.append(sent)

    with pytest.raises(ModelUnavailable):
        list(OpenAiModel(Upstream()).stream(ask(User("hi"))))

    assert heard == [None, None, True, True]


def test_a_refusal_that_trickles_keeps_its_meaning(server):
    server.replies.append(Reply(status=503, body=b'{"error": "x"}', drip=b" "))

    with pytest.raises(ModelUnavailable):
        open_openai(f"openai+{server.url}").complete(ask(User("hi")))

    assert left(server)
