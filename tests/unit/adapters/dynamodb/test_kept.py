"""Answers as they come over a line, in whatever pieces."""

import io
import itertools
from http.client import HTTPException, IncompleteRead

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb.kept import Cut, read

HEAD = b"HTTP/1.1 200 OK\r\nServer: x\r\nX-Amz-Crc32: 7\r\n"
PLAIN = HEAD + b'Content-Length: 13\r\n\r\n{"a": "bcde"}'
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\na\r\n": "bcde"}\r\n0\r\n\r\n'
CONTENT = b'{"a": "bcde"}'
MOST_HEAD = 65_536


class Line:
    """A socket over which `pieces` come, and then nothing."""

    def __init__(self, *pieces):
        self.pieces = [piece for piece in pieces if piece]

    def recv(self, _):
        return self.pieces.pop(0) if self.pieces else b""

    def recv_into(self, buffer):
        piece = self.recv(None)
        buffer[: len(piece)] = piece
        return len(piece)

    def makefile(self, _, buffering):
        return Rest(self)


class Rest(io.RawIOBase):
    """The file of a line."""

    def __init__(self, line):
        self.readinto = line.recv_into


def pieces(told, cuts):
    edges = sorted({0, *[cut % len(told) for cut in cuts], len(told)})
    return [told[start:end] for start, end in itertools.pairwise(edges)]


@given(st.sampled_from([PLAIN, CHUNKED]), st.lists(st.integers(0, 500), max_size=6))
def test_an_answer_may_come_in_any_pieces(told, cuts):
    (status, headers, content), stays = read(Line(*pieces(told, cuts)))

    known = {name.lower(): text for name, text in headers.items()}
    assert (status, known["x-amz-crc32"], content, stays) == (200, "7", CONTENT, told == PLAIN)


@given(st.integers(0, len(PLAIN) - 1))
def test_one_that_breaks_off_is_none(size):
    with pytest.raises(Cut):
        read(Line(PLAIN[:size]))


@given(st.integers(0, len(CHUNKED) - 8))
def test_one_in_chunks_that_breaks_off_is_none(size):
    with pytest.raises((Cut, IncompleteRead)):
        read(Line(CHUNKED[:size]))


@pytest.mark.parametrize("word", ["close", "Close", "upgrade"])
def test_a_line_is_not_kept_where_the_answer_says_so(word):
    told = PLAIN.replace(b"Server: x", f"Connection: {word}".encode())

    assert read(Line(told)) == ((200, read(Line(told))[0][1], CONTENT), False)


def test_a_line_that_says_more_than_announced_is_not_kept():
    (_, _, content), stays = read(Line(PLAIN + b"HTTP/1.1 200 OK"))

    assert (content, stays) == (CONTENT, False)


@pytest.mark.parametrize("told", [b"SSH-2.0-x\r\n\r\n", b"\r\n\r\n", b"HTTP/1.1 ok\r\nContent-Length: 0\r\n\r\n"])
def test_what_is_no_http_is_no_answer(told):
    with pytest.raises((HTTPException, ValueError)):
        read(Line(told))


def test_a_head_without_an_end_is_not_read_for_ever():
    line = Line(*[b"a" * 1024] * 1000)

    with pytest.raises(HTTPException):
        read(line)

    assert len(line.pieces) > 900 - 2 * MOST_HEAD // 1024
