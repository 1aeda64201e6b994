"""Chunks as they come over a line, in whatever pieces."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.http1.chunks import ChunkDecoder

TOLD = b'3\r\n{"a\r\n00A ; b="c"\r\n\r\n": "bcde\r\n1\n}\r\n0\r\nx-a: b\r\n\r\n'
CONTENT = b'{"a\r\n": "bcde}'


def fed(pieces):
    decoder = ChunkDecoder()
    return b"".join(map(decoder.feed, pieces)), decoder


def cut(told, cuts):
    edges = sorted({0, *[each % len(told) for each in cuts], len(told)})
    return [told[start:end] for start, end in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 500), max_size=8))
def test_chunks_may_be_cut_anywhere(cuts):
    content, decoder = fed(cut(TOLD, cuts))

    assert (content, decoder.ended, decoder.broken, decoder.rest) == (CONTENT, True, False, b"")


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6), st.integers(1, 9))
def test_what_is_put_in_comes_out(contents, size):
    told = b"".join(b"%X\r\n%s\r\n" % (len(each), each) for each in contents) + b"0\r\n\r\n"

    content, decoder = fed([told[start : start + size] for start in range(0, len(told), size)])

    assert (content, decoder.ended, decoder.rest) == (b"".join(contents), True, b"")


@given(st.integers(0, len(TOLD) - 1))
def test_what_breaks_off_has_not_ended(size):
    content, decoder = fed([TOLD[:size]])

    assert CONTENT.startswith(content)
    assert not decoder.ended
    assert not decoder.broken
    assert decoder.in_trailers is (size >= TOLD.index(b"x-a"))


def test_content_is_handed_out_as_it_comes():
    decoder = ChunkDecoder()

    assert [decoder.feed(piece) for piece in (b"5\r\nab", b"c", b"de", b"\r\n1\r\nf")] == [b"ab", b"c", b"de", b"f"]


def test_what_comes_behind_the_end_is_left():
    content, decoder = fed([b"1\r\na\r\n0\r\n", b"\r\nHTTP/1.1"])

    assert (content, decoder.ended, decoder.rest) == (b"a", True, b"HTTP/1.1")


@pytest.mark.parametrize(
    "bad",
    [
        b"zz\r\n",
        b"\r\n",
        b"-1\r\n",
        b"+1\r\n",
        b"0x1\r\n",
        b"1_0\r\n",
        b"1 1\r\n",
        b"f" * 70_000,
        b"1;" + b"a" * 70_000,
    ],
)
@pytest.mark.parametrize("size", [100_000, 1_000])
def test_what_is_no_chunk_is_told_behind_what_was_one(bad, size):
    told = b"2\r\nab\r\n" + bad
    content, decoder = fed([told[start : start + size] for start in range(0, len(told), size)])

    assert (content, decoder.ended, decoder.broken) == (b"ab", False, True)


@pytest.mark.parametrize("behind", [b"xx", b"\rx", b"x", b"\n1"])
def test_a_chunk_that_is_longer_than_it_says_is_none(behind):
    content, decoder = fed([b"2\r\nab" + behind])

    assert (content, decoder.broken) == (b"ab", True)


def test_trailers_without_an_end_are_not_read_for_ever():
    _, decoder = fed([b"0\r\n", *[b"x-a: b\r\n"] * 9_000])

    assert decoder.broken
    assert not decoder.ended
