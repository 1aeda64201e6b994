"""A connection that stands, out of one of urllib3's pools, and the beginning of what comes over it."""

from __future__ import annotations

import queue
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chalicelib.adapters.http1.heads import END, MOST_HEAD, Head, head_of

PIECE: Final = 8 * 1024
"""Bytes, of one reading: its room is taken before anything comes. Of 64 KB each, what is free falls to pieces."""


class Begun(NamedTuple):
    """What came up to the end of a head: the head, None where it is not plain, and what follows it; or all of it."""

    head: Head | None
    body: bytes
    all: bytes


def standing(pool: Any) -> Any:
    """A connection that stands, out of `pool`; None where urllib3 is to make one."""
    try:
        connection = pool.pool.get(block=False)
    except (queue.Empty, AttributeError):  # the pool was closed meanwhile, to make room for another
        return None
    if connection is not None and connection.is_connected:
        return connection
    pool._put_conn(connection)  # noqa: SLF001
    return None


def begun(receive: Callable[[int], bytes]) -> Begun:
    """Read up to the end of a head, by `receive`, which returns at most so many bytes, and none where they end."""
    got = b""
    while (end := got.find(END)) < 0 and len(got) < MOST_HEAD:
        if not (came := receive(PIECE)):
            break
        got += came
    return Begun(None, b"", got) if end < 0 else Begun(head_of(got[:end]), got[end + len(END) :], got)
