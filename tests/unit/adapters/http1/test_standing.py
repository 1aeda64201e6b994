"""What is read before a head is known."""

import pytest

from chalicelib.adapters.http1.heads import MOST_HEAD
from chalicelib.adapters.http1.standing import PIECE, begun

TOLD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwell"


def coming(told, size):
    """A `receive` over which `told` comes, at most `size` bytes at once."""
    left = [told[at : at + size] for at in range(0, len(told), size)]
    return lambda most: left.pop(0)[:most] if left else b""


@pytest.mark.parametrize("size", range(1, len(TOLD) + 1))
def test_a_head_ends_in_whatever_piece_it_ends(size):
    head, body, everything = begun(coming(TOLD, size))

    assert (head.status, head.headers["content-length"]) == (200, "4")
    assert everything.endswith(body)
    assert b"well".startswith(body)
    assert TOLD.startswith(everything)


@pytest.mark.parametrize("told", [b"", TOLD[:-8], b"x" * 100])
def test_what_ends_before_its_head_has_none(told):
    assert begun(coming(told, 7)) == (None, b"", told)


def test_what_is_no_head_is_told_whole():
    told = b"SSH-2.0\r\n\r\nand more"

    assert begun(coming(told, 99)) == (None, b"and more", told)


def test_no_more_is_read_of_a_head_without_end():
    head, _, everything = begun(coming(b"x" * 4 * MOST_HEAD, PIECE))

    assert head is None
    assert MOST_HEAD <= len(everything) < MOST_HEAD + PIECE
