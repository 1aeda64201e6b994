"""Connections that wait for their next request."""

from queue import Empty, Full

import pytest
import urllib3

from chalicelib.adapters.http1 import recent
from chalicelib.adapters.http1.recent import IDLE_SECONDS, Recent


class Clock:
    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class Line:
    """A connection that can be closed."""

    is_open = True

    def close(self):
        self.is_open = False


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(recent, "monotonic", clock)
    return clock


def filled(*lines, size=8):
    kept = Recent(size)
    for line in [*lines, *[None] * (size - len(lines))]:
        kept.put(line)
    return kept


def test_the_one_used_last_is_the_next():
    first, second = Line(), Line()
    kept = filled(first, second)

    assert [kept.get(block=False) for _ in range(8)] == [second, first, *[None] * 6]
    with pytest.raises(Empty):
        kept.get(block=False)


def test_there_are_no_more_than_its_size():
    with pytest.raises(Full):
        filled(Line()).put(Line(), block=False)


def test_who_is_not_needed_is_closed_while_others_are_used(clock):
    spare, busy = Line(), Line()
    kept = filled(spare, busy)
    for _ in range(4):
        used = kept.get(block=False)
        clock.now += IDLE_SECONDS / 3
        kept.put(used)

    assert (spare.is_open, busy.is_open) == (False, True)
    assert [kept.get(block=False) for _ in range(8)] == [busy, *[None] * 7], "there may be as many again"


def test_one_that_cannot_be_closed_is_gone_all_the_same(clock):
    class Torn(Line):
        def close(self):
            raise OSError("Gone.")

    busy = Line()
    kept = filled(Torn(), busy)
    used = kept.get(block=False)
    clock.now += IDLE_SECONDS + 1
    kept.put(used)

    assert [kept.get(block=False) for _ in range(8)] == [busy, *[None] * 7]


def test_who_is_used_now_and_then_is_not(clock):
    lines = [Line() for _ in range(4)]
    kept = filled(*lines)
    for _ in range(5):
        used = [kept.get(block=False) for _ in lines]
        clock.now += IDLE_SECONDS - 1
        for line in used:
            kept.put(line)

    assert all(line.is_open for line in lines)


def test_urllib3_closes_them_with_the_pool(monkeypatch):
    monkeypatch.setattr(urllib3.HTTPConnectionPool, "QueueCls", Recent)
    pool, line = urllib3.HTTPConnectionPool("localhost", 9, maxsize=4), Line()
    pool.pool.get()
    pool.pool.put(line)
    pool.close()

    assert not line.is_open
