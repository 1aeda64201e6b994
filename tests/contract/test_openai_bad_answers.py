"""What is no answer has a name, whether it may have burned tokens, and no second call."""

import socket

import pytest

from chalicelib.adapters.models import kept
from chalicelib.adapters.models.openai import open_openai
from chalicelib.domain.chat import User
from chalicelib.domain.errors import ModelGarbled, ModelThrottled, ModelTimeout, ModelUnavailable
from tests.contract.certificates import trusted
from tests.upstreams.openai_server import OpenAiServer, Reply
from tests.upstreams.targets import ask, put_together

HELLO = ask(User("hello there"))
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
WORD = 'data: {"choices": [{"delta": {"content": "Hi"}}]}\n\n'


@pytest.fixture
def fresh():
    with OpenAiServer() as server:
        yield server


@pytest.fixture(params=["a first call", "a later call"])
def server(request, fresh):
    """Asked before, where the test's call is a later one: its connection stands."""
    if request.param == "a later call":
        asked(fresh, streamed=True)
        fresh.requests.clear()
    return fresh


def asked(server, *, streamed, query=""):
    model = open_openai(f"openai+{server.url}{query}")
    return list(model.stream(HELLO)) if streamed else model.complete(HELLO)


BAD = {
    "no JSON": (Reply(body=b"not JSON"), ModelGarbled),
    "other JSON": (Reply(body=b'{"result": "hi"}'), ModelGarbled),
    "nothing": (Reply(body=b""), ModelGarbled),
    "no UTF-8": (Reply(body=b'{"choices": [{"message": {"content": "\xff"}}]}'), ModelGarbled),
    "half": (Reply(body=b'{"choices": []}', headers={"content-length": "9"}), ModelGarbled),
    "less than announced": (
        Reply(body=b'{"choices": []}', headers={"content-length": "900"}, keep_open=False),
        ModelGarbled,
    ),
    "no gzip": (Reply(body=b'{"choices": []}', headers={"content-encoding": "gzip"}), ModelGarbled),
    "a page": (Reply(body=b"<html>It works!</html>", headers={"content-type": "text/html"}), ModelUnavailable),
    "a redirect": (Reply(status=302, body=b"", headers={"location": "/v1/elsewhere"}), ModelUnavailable),
    "an error": (Reply(body=b'{"error": {"code": 429, "message": "m"}}'), ModelThrottled),
    "another protocol": (Reply(raw=b"SSH-2.0-OpenSSH_9.6\r\n"), ModelUnavailable),
    "nothing at all": (Reply(raw=b""), ModelUnavailable),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_answer_has_its_meaning_and_is_not_asked_for_again(server, case, streamed):
    reply, expected = BAD[case]
    server.replies.append(reply)

    with pytest.raises(expected) as raised:
        asked(server, streamed=streamed)

    assert type(raised.value) is expected
    assert "upstream" in raised.value.message
    assert raised.value.burned is (expected is ModelGarbled)
    assert len(server.requests) == 1
    assert server.connections == 1


BROKEN = {
    "nothing": HEAD,
    "a role": HEAD + b'44\r\ndata: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n\r\n',
    "no chunk": HEAD + b"zz\r\n",
    "an end without a word": HEAD + b"0\r\n\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_stream_that_breaks_off_before_a_word_has_burned_tokens(server, case):
    server.replies.append(Reply(raw=BROKEN[case]))

    with pytest.raises(ModelGarbled):
        asked(server, streamed=True)


def test_a_stream_may_not_be_compressed_badly(server):
    server.replies.append(Reply(events=(WORD,), headers={"content-encoding": "gzip"}))

    with pytest.raises(ModelGarbled):
        asked(server, streamed=True)


def test_bytes_that_are_no_character_are_shown_as_such(server):
    event = WORD.encode().replace(b"Hi", b"H\xff") + b"data: [DONE]\n\n"
    server.replies.append(Reply(raw=HEAD + b"%x\r\n%s\r\n0\r\n\r\n" % (len(event), event)))

    assert put_together(asked(server, streamed=True)).text == "H\ufffd"


def test_a_character_may_be_cut_by_chunks(server):
    event = WORD.replace("Hi", "Łódź 😀").encode() + b"data: [DONE]\n\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in event)
    server.replies.append(Reply(raw=HEAD + chunks + b"0\r\n\r\n"))

    assert put_together(asked(server, streamed=True)).text == "Łódź 😀"


def test_an_idle_connection_is_not_trusted_for_long(server, monkeypatch):
    asked(server, streamed=False)
    asked(server, streamed=False)
    assert server.connections == 1

    monkeypatch.setattr(kept, "KEPT_SECONDS", -1.0)
    asked(server, streamed=False)

    assert server.connections == 2


def test_another_address_of_a_host_is_tried(fresh, monkeypatch):
    with OpenAiServer() as gone:
        closed = gone.port
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (closed, fresh.port)]
    monkeypatch.setattr(kept.socket, "getaddrinfo", lambda *_, **__: found)

    assert asked(fresh, streamed=False).text


def test_a_name_without_an_address_is_unavailable(fresh, monkeypatch):
    monkeypatch.setattr(kept.socket, "getaddrinfo", lambda *_, **__: [])

    with pytest.raises(ModelUnavailable):
        asked(fresh, streamed=False)


def test_answers_come_over_tls(monkeypatch, tmp_path):
    with trusted(OpenAiServer(), monkeypatch, tmp_path) as server:
        model = open_openai(f"openai+https://127.0.0.1:{server.port}/v1")
        server.replies += [Reply(), Reply(), Reply(body=b"  ", drip=b" ")]

        assert put_together(model.stream(HELLO)).completion() == model.complete(HELLO)
        assert server.connections == 1
        with pytest.raises(ModelTimeout):
            model.complete(HELLO, 0.4)
        assert server.hung_up.acquire(timeout=20)


def test_a_certificate_that_nobody_trusts_is_refused(monkeypatch, tmp_path):
    with trusted(OpenAiServer(), monkeypatch, tmp_path) as server:
        monkeypatch.delenv("SSL_CERT_FILE")
        kept._context.cache_clear()

        with pytest.raises(ModelUnavailable, match="certificate"):
            open_openai(f"openai+https://127.0.0.1:{server.port}/v1").complete(HELLO)
        assert server.requests == []


def test_a_handshake_that_does_not_end_has_burned_nothing():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        uri = f"openai+https://127.0.0.1:{silent.getsockname()[1]}/v1?connect_ms=200"

        with pytest.raises(ModelUnavailable):
            open_openai(uri).complete(HELLO)
