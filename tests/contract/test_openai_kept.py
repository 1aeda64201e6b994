"""Over a connection that stands, an answer is what it would be over a new one; and what is sent goes in one piece."""

import gzip

import pytest

from chalicelib.adapters.models import kept
from chalicelib.adapters.models.asking import ask as asked_at
from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.chat import User
from chalicelib.domain.errors import ModelError
from tests.upstreams.openai_server import OpenAiServer, Reply
from tests.upstreams.targets import ask, put_together

HELLO = ask(User("hello there"))
SOON = 0.4  # seconds
BODY = b'{"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}'
EVENTS = b'data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
OK = b"HTTP/1.1 200 OK\r\n"
END = b"\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked"
BUSY = b"HTTP/1.1 429 Slow down\r\ncontent-length: 2\r\n"


def chunks(content, size=7, more=b"", trailers=b""):
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    return b"".join(b"%x%s\r\n%s\r\n" % (len(piece), more, piece) for piece in pieces) + b"0\r\n" + trailers + b"\r\n"


def measured(body):
    return b"content-length: %d" % len(body)


def answers(content):
    """Each as bytes, by what is odd about it."""
    whole = OK + measured(content) + END + content
    squeezed = gzip.compress(content)
    return {
        "plain": whole,
        "chunks": OK + CHUNKED + END + chunks(content),
        "small chunks": OK + CHUNKED + END + chunks(content, 1),
        "extensions": OK + CHUNKED + END + chunks(content, 9, b' ;a="b"'),
        "trailers": OK + CHUNKED + END + chunks(content, trailers=b"x-a: b\r\nx-c: d\r\n"),
        "no trailers": OK + CHUNKED + END + chunks(content)[:-2],
        "no last chunk": OK + CHUNKED + END + chunks(content)[:-5],
        "half a chunk": OK + CHUNKED + END + chunks(content)[:40],
        "a chunk of no size": OK + CHUNKED + END + chunks(content)[:-5] + b"zz\r\n",
        "chunks and a length": OK + CHUNKED + b"\r\n" + measured(content) + END + chunks(content),
        "chunks of another kind": OK + b"transfer-encoding: gzip, chunked" + END + chunks(content),
        "compressed": OK + b"content-encoding: gzip\r\n" + measured(squeezed) + END + squeezed,
        "compressed chunks": OK + b"content-encoding: gzip\r\n" + CHUNKED + END + chunks(squeezed),
        "another version": whole.replace(b"/1.1", b"/1.0"),
        "no length": OK + b"x-a: b" + END + content,
        "a length in words": OK + b"content-length: seven" + END + content,
        "a length with a sign": OK + b"content-length: +%d" % len(content) + END + content,
        "a length of other digits": OK + b"content-length: \xb2\xb2" + END + content,
        "the length twice": OK + measured(content) + b"\r\n" + measured(content) + END + content,
        "two lengths": OK + measured(content) + b"\r\n" + measured(content[1:]) + END + content,
        "a folded line": OK + b"x-a: b\r\n c\r\n" + measured(content) + END + content,
        "a line without a name": OK + b"hello\r\n" + measured(content) + END + content,
        "other line ends": whole.replace(b"\r\n", b"\n"),
        "it goes on": b"HTTP/1.1 100 Continue" + END + whole,
        "no content": b"HTTP/1.1 204 No Content" + END,
        "no such status": whole.replace(b"200", b"999"),
        "no phrase": whole.replace(b"200 OK", b"200"),
        "a status in words": whole.replace(b"200 OK", b"fine"),
        "many lines": OK + b"x-a: b\r\n" * 101 + measured(content) + END + content,
        "a long line": OK + b"x-a: " + b"b" * 70_000 + b"\r\n" + measured(content) + END + content,
        "a long head": OK + (b"x-a: " + b"b" * 7_000 + b"\r\n") * 10 + measured(content) + END + content,
        "a head that is cut": whole[:30],
        "a status that is cut": whole[:12],
        "a body that is cut": whole[:-5],
        "it hangs up": OK + b"connection: close\r\n" + measured(content) + END + content,
        "another type": OK + b"content-type: text/html\r\n" + measured(content) + END + content,
        "wait": BUSY + b"retry-after: 7" + END + b"{}",
        "wait, exactly": BUSY + b"Retry-After-Ms: 1500" + END + b"{}",
        "wait, twice": BUSY + b"retry-after: 7\r\nretry-after: 9" + END + b"{}",
        "a refusal in chunks": b"HTTP/1.1 400 No\r\n" + CHUNKED + END + chunks(b'{"error": {"message": "no"}}'),
        "a refusal that is cut": b"HTTP/1.1 400 No\r\n" + CHUNKED + END + chunks(b'{"error": "no"}')[:9],
        "a long refusal": b"HTTP/1.1 400 No\r\ncontent-length: 40000" + END + b"no " * 20_000,
    }


def came_of(reply, *, streamed, later, waits=False):
    """What the call came to, how many requests there were, and over how many connections another one went."""
    with OpenAiServer() as server:
        model = open_openai(f"openai+{server.url}")
        if later:
            model.complete(HELLO)
        server.replies.append(reply)
        try:
            end = put_together(model.stream(HELLO)).completion() if streamed else model.complete(HELLO)
        except ModelError as fault:
            end = type(fault), fault.message, fault.retry_after_seconds
        requests = len(server.requests) - later
        if waits:
            model.complete(HELLO)
        return end, requests, server.connections


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("case", answers(b""))
def test_an_answer_is_the_same_on_a_later_call(case, streamed):
    content = EVENTS if streamed else BODY
    reply = Reply(raw=answers(content)[case])

    first = came_of(reply, streamed=streamed, later=False)

    assert came_of(reply, streamed=streamed, later=True) == first
    assert first[1:] == (1, 1)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        Reply(piece=1),
        Reply(keep_open=False),
        Reply(status=429, body=b"{}"),
        Reply(status=302, body=b"", headers={"location": "/v1/elsewhere"}),
        Reply(status=500, body=b"x" * 40_000),
        Reply(body=gzip.compress(BODY), headers={"content-encoding": "gzip"}),
        Reply(body=BODY, headers={"content-type": "text/html"}),
        Reply(cut_after=1),
    ],
    ids=["good", "in pieces", "closing", "refused", "elsewhere", "long", "compressed", "page", "cut"],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_connection_is_given_back_or_closed_as_after_a_first_call(reply, streamed):
    first = came_of(reply, streamed=streamed, later=False, waits=True)

    assert came_of(reply, streamed=streamed, later=True, waits=True) == first


def test_what_is_said_behind_an_answer_is_no_other_call_s_answer():
    with OpenAiServer() as server:
        model = open_openai(f"openai+{server.url}")
        model.complete(HELLO)
        whole = OK + measured(BODY) + END + BODY
        server.replies.append(Reply(raw=whole + whole.replace(b"Hi", b"No")))

        assert [model.complete(HELLO).text for _ in range(2)] == ["Hi", "Echo: hello there"]


@pytest.mark.parametrize("streamed", [False, True])
def test_a_request_is_sent_in_one_piece_once_the_connection_stands(monkeypatch, streamed):
    sent = []
    send = kept._Timed.sendall
    monkeypatch.setattr(kept._Timed, "sendall", lambda self, data, *more: sent.append(data) or send(self, data, *more))
    with OpenAiServer() as server:
        model = open_openai(f"openai+{server.url}", "sk-a")
        model.complete(HELLO)
        sent.clear()

        _ = list(model.stream(HELLO)) if streamed else model.complete(HELLO)

        first, later = server.requests
    assert len(sent) == 1
    assert (later.path, later.headers["host"]) == (first.path, first.headers["host"])
    assert later.headers | {"content-length": ""} == first.headers | {"content-length": ""}


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("headers", [{"x-key": "a\r\nx-b: c"}, {"x-key": "a\nb"}, {"x-a\r\nx-b": "c"}, {"x-a ": "ł"}])
def test_a_line_too_many_is_not_sent(later, headers):
    with OpenAiServer() as server:
        if later:
            open_openai(f"openai+{server.url}").complete(HELLO)

        with pytest.raises(ValueError):
            asked_at(f"{server.url}/chat/completions", b"{}", headers, seconds=5, connect=1)

        assert len(server.requests) == later


@pytest.mark.parametrize("path", ["/a\r\nx-b: c", "/a b", "/ł?q=a b#c", "//x.example/", "/a/../b", ""])
def test_a_path_is_the_same_on_a_later_call(path):
    with OpenAiServer() as server:
        for _ in range(2):
            answer = asked_at(
                server.url + path,
                b'{"model": "m", "messages": [{"content": "x"}]}',
                {"user-agent": "t"},
                seconds=5,
                connect=1,
            )
            answer.drain_conn()

        first, later = server.requests
        assert (later.path, later.headers, server.connections) == (first.path, first.headers, 1)
