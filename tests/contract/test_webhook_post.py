"""A notice goes to the address that was judged, over TLS for the name, and takes no longer than it may."""

import socket
import ssl
import threading
from email.utils import formatdate

import pytest

from chalicelib.adapters.webhooks.post import WebhookPost
from chalicelib.adapters.webhooks.wire import timed
from chalicelib.domain.destinations import Reach
from chalicelib.domain.notices import Posted
from tests.builders import NOW
from tests.upstreams.receiver import OK, Receiver, certificate, status

NAME = "hooks.example.com"
URL = f"https://{NAME}/hook?a=b"
BODY = b'{"id":"evt_1"}'
LOCAL = Reach(loopback=True)
PUBLIC = ["93.184.216.34"]
HOSTILE_ANSWERS = [
    [],
    [""],
    ["localhost"],
    ["127.0.0.1"],
    ["127.8.8.8"],
    ["0.0.0.0"],
    ["10.0.0.7"],
    ["172.20.0.1"],
    ["192.168.0.1"],
    ["169.254.169.254"],
    ["169.254.170.2"],
    ["100.64.0.1"],
    ["192.0.0.1"],
    ["198.18.0.1"],
    ["224.0.0.1"],
    ["255.255.255.255"],
    ["::"],
    ["::1"],
    ["::ffff:127.0.0.1"],
    ["::ffff:169.254.169.254"],
    ["::127.0.0.1"],
    ["64:ff9b::169.254.169.254"],
    ["64:ff9b:1::1"],
    ["2001::1"],
    ["2001:db8::1"],
    ["2002:a9fe:a9fe::1"],
    ["fc00::1"],
    ["fd00:ec2::254"],
    ["fe80::1%eth0"],
    ["ff02::1"],
    [*PUBLIC, "169.254.169.254"],
    ["10.0.0.7", *PUBLIC],
    [*PUBLIC, "2606:4700::1111", "::1"],
    [*PUBLIC * 3, "127.0.0.1"],
]


def never(*_):
    raise AssertionError("it was connected to")


def post(url, poster):
    return poster(url, {"webhook-id": "evt_1"}, BODY)


@pytest.fixture
def receiver():
    with Receiver() as served:
        yield served


@pytest.fixture
def local():
    return WebhookPost(LOCAL, lambda: NOW, resolve=never, seconds=5)


@pytest.fixture
def tls(tmp_path):
    """A receiver with a certificate for `NAME`, and the way to it: what it takes for public is this machine."""
    path = tmp_path / "server.pem"
    with Receiver(context=certificate(path, NAME)) as served:
        trust = timed(ssl.create_default_context(cafile=path))
        reach = Reach(ports=frozenset({served.port}))

        def made(**network):
            known = {"resolve": lambda _: ["127.0.0.1"], "judge": lambda _: True, "trust": lambda: trust}
            return WebhookPost(reach, lambda: NOW, **known | network)

        yield served, made


@pytest.mark.parametrize("found", HOSTILE_ANSWERS, ids=str)
def test_a_name_with_but_one_address_that_is_not_public_is_not_connected_to(found, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", never)
    poster = WebhookPost(Reach(), lambda: NOW, resolve=lambda _: found)

    assert post(URL, poster) == Posted(fault="refused")


@pytest.mark.parametrize("url", ["https://169.254.169.254/", "http://hooks.example.com/", "https://localhost/", "x"])
def test_a_url_that_was_stored_before_it_was_refused_is_not_resolved(url):
    poster = WebhookPost(Reach(), lambda: NOW, resolve=never)

    assert post(url, poster) == Posted(fault="refused")


def test_an_address_in_the_url_is_judged_too():
    asked = []
    poster = WebhookPost(Reach(), lambda: NOW, resolve=lambda name: [name], judge=asked.append)

    assert post("https://8.8.8.8/", poster) == Posted(fault="refused")
    assert asked == ["8.8.8.8"]


def test_the_request_arrives_as_it_was_signed(receiver, local):
    assert post(receiver.url, local) == Posted(200)

    (sent,) = receiver.requests
    assert (sent.line, sent.body) == ("POST /hook HTTP/1.1", BODY)
    assert sent.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert sent.headers["webhook-id"] == "evt_1"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["connection"] == "close"


def test_the_connection_goes_to_the_address_and_the_certificate_is_that_of_the_name(tls):
    server, made = tls

    assert post(f"https://{NAME}:{server.port}/hook?a=b", made()) == Posted(200)
    (sent,) = server.requests
    assert sent.line == "POST /hook?a=b HTTP/1.1"
    assert sent.headers["host"] == f"{NAME}:{server.port}"


def test_a_name_is_resolved_once(tls):
    server, made = tls
    answers = [["127.0.0.1"], ["169.254.169.254"]]

    assert post(f"https://{NAME}:{server.port}/", made(resolve=lambda _: answers.pop(0))) == Posted(200)
    assert answers == [["169.254.169.254"]]


def test_a_certificate_of_another_name_is_refused(tls):
    server, made = tls

    assert post(f"https://other.example.com:{server.port}/", made()) == Posted(fault="tls")
    assert server.requests == []


def test_a_certificate_that_nobody_vouches_for_is_refused(tls):
    server, made = tls
    trust = timed(ssl.create_default_context())

    assert post(f"https://{NAME}:{server.port}/", made(trust=lambda: trust)) == Posted(fault="tls")


def test_the_next_address_is_tried_where_one_does_not_answer(tls):
    server, made = tls
    poster = made(resolve=lambda _: ["127.0.0.3", "127.0.0.1"])

    assert post(f"https://{NAME}:{server.port}/", poster) == Posted(200)


@pytest.mark.parametrize("code", [201, 204, 400, 401, 404, 410, 429, 500, 503])
def test_a_status_is_told(receiver, local, code):
    receiver.always = status(code)

    assert post(receiver.url, local) == Posted(code)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver, local, code):
    with Receiver() as inner:
        receiver.always = status(code, f"location: {inner.url}")

        assert post(receiver.url, local) == Posted(code)
        assert inner.connections == 0


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("9" * 40, 999_999_999),
        ("soon", None),
        ("-5", None),
        ("", None),
        ("１２", None),
        ("Mon, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_the_wish_to_be_left_alone_is_told_in_seconds(receiver, local, said, seconds):
    receiver.always = b"HTTP/1.1 503 Busy\r\nretry-after: " + said.encode() + b"\r\n\r\n"

    assert post(receiver.url, local) == Posted(503, retry_after_seconds=seconds)


def test_a_long_answer_is_not_read(receiver, local):
    receiver.always, receiver.drip = b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536

    assert post(receiver.url, local) == Posted(200)


@pytest.mark.parametrize(
    ("first", "drip"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"x"),
        (b"", b"H"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["a byte of a header now and then", "a byte of the status now and then", "please go on"],
)
def test_the_time_is_a_total(receiver, first, drip):
    receiver.always, receiver.drip = first, drip

    assert post(receiver.url, WebhookPost(LOCAL, lambda: NOW, seconds=0.3)) == Posted(fault="timeout")


def test_a_server_that_says_nothing_takes_no_longer():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"

        assert post(url, WebhookPost(LOCAL, lambda: NOW, seconds=0.2)) == Posted(fault="timeout")


def test_a_resolver_that_hangs_takes_no_longer_than_the_rest():
    hanging = threading.Event()
    poster = WebhookPost(Reach(), lambda: NOW, resolve=lambda _: hanging.wait(10), seconds=0.1)

    try:
        assert post(URL, poster) == Posted(fault="timeout")
    finally:
        hanging.set()


@pytest.mark.parametrize(
    ("fault", "word"),
    [(socket.gaierror(-2, "unknown"), "dns"), (UnicodeError("label too long"), "protocol"), (OSError(), "connection")],
    ids=["unknown", "unspeakable", "broken"],
)
def test_a_name_that_cannot_be_resolved_is_told(fault, word):
    def fails(_):
        raise fault

    assert post(URL, WebhookPost(Reach(), lambda: NOW, resolve=fails)) == Posted(fault=word)


@pytest.mark.parametrize(
    "said", [b"nonsense\r\n\r\n", b"", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"a" * 70_000]
)
def test_what_is_no_answer_is_told_in_one_word(receiver, local, said):
    receiver.always = said

    assert post(receiver.url, local).fault in {"protocol", "connection"}


def test_a_port_that_nobody_listens_on_is_told(local):
    with Receiver() as gone:
        url = gone.url

    assert post(url, local) == Posted(fault="connection")


def test_every_connection_is_its_own(receiver, local):
    receiver.replies.extend([OK, OK])

    assert [post(receiver.url, local), post(receiver.url, local)] == [Posted(200), Posted(200)]
    assert receiver.connections == 2
