"""Heads that are plain, and those that are not."""

import pytest

from chalicelib.adapters.http1.heads import head_of, length_of

OK = b"HTTP/1.1 200 OK\r\n"


def test_a_head_has_a_status_and_fields():
    head = head_of(OK + b"Content-Length: 12\r\nX-A:b \r\nx-a: c\r\nx-empty:")

    assert head == (200, {"content-length": "12", "x-a": "b, c", "x-empty": ""})
    assert length_of(head) == 12


@pytest.mark.parametrize("told", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 503 Not now, \xe9"])
def test_a_head_may_be_a_status_alone(told):
    assert head_of(told).headers == {}


@pytest.mark.parametrize(
    "told",
    [
        b"",
        b"SSH-2.0-x",
        b"HTTP/1.0 200 OK",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 ok",
        b"HTTP/1.1 100 Continue",
        b"HTTP/1.1 \xb2\xb2\xb2 OK",
        OK + b"no colon",
        OK + b" folded: a",
        OK + b"x-a: b\r\n c",
        OK + b"x-a : b",
        OK + b": b",
        OK + b"x-a: b\nx-c: d",
        OK + b"x-a: b\rx-c: d",
        OK + b"x-a: \0",
        OK + b"\r\n".join([b"x-a: b"] * 101),
        b"HTTP/1.1 200 OK\nx-a: b",
    ],
)
def test_what_is_odd_is_not_plain(told):
    assert head_of(told) is None


@pytest.mark.parametrize("told", [b"", b"-1", b"+1", b"1, 1", b"1 1", b"1.0", b"\xb2", b"1_0"])
def test_a_length_is_digits(told):
    assert length_of(head_of(OK + b"content-length: " + told)) is None


def test_a_length_beside_a_coding_is_not_trusted():
    assert length_of(head_of(OK + b"content-length: 1\r\ntransfer-encoding: identity")) is None
