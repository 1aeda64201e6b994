"""An index within the process: how it follows a log, keeps to its time and memory, and believes nobody on scopes."""

import struct

import pytest

from chalicelib.adapters.vectors.flat import REMEMBERED_SECONDS, FlatIndex
from chalicelib.adapters.vectors.room import ROW_BYTES
from chalicelib.domain.entries import AnswerScope, Entry, Gone, Row, Sought, Stretch
from chalicelib.domain.errors import IndexUnavailable, Misconfigured, StoreUnavailable

NOW = 1_000_000
SCOPE = AnswerScope("acme", "ada", "echo", "p1", "tiny/2")
OTHER = AnswerScope("evil", "eve", "echo", "p1", "tiny/2")
ENTRY_BYTES = 4 * 2 + ROW_BYTES


def vector(x, y):
    length = (x * x + y * y) ** 0.5
    return struct.pack("<2f", x / length, y / length)


def row(name, created_at=NOW, expires_at=NOW + 100_000):
    return Row(name, f"What is {name}?", f"answer-{name}", created_at, expires_at)


def stretch(*rows, of=SCOPE, cursor=1, gone=(), vectors=None):
    packed = b"".join(vectors or [vector(1, place / 100) for place in range(len(rows))])
    return Stretch(of, cursor, tuple(rows), packed, tuple(gone))


class Log:
    """A log of stretches, the newest last; it counts what it was asked."""

    def __init__(self, *stretches):
        self.stretches = list(stretches)
        self.marks = len(stretches)
        self.asked = []
        self.fault = None

    def put(self, *stretches):
        self.stretches += stretches
        self.marks += 1

    def mark(self, scope):
        self.asked.append("mark")
        self._fail()
        return str(self.marks or "")

    def newest(self, scope):
        self.asked.append("newest")
        for each in reversed(self.stretches):
            self._fail()
            self.asked.append("page")
            yield each

    def since(self, scope, cursor):
        self.asked.append(("since", cursor))
        self._fail()
        yield from (each for each in self.stretches if each.cursor >= cursor)

    def append(self, entries, now):
        self._fail()
        for each in entries:
            self.put(stretch(row(each.id, each.created_at), cursor=99, vectors=[each.vector]))
        return entries

    def _fail(self):
        if self.fault:
            raise self.fault


class Clock:
    """Seconds that pass by one with each look, or not at all."""

    def __init__(self, step=0.0):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def index_over(log, *, clock=None, most_bytes=10**6):
    return FlatIndex(log, clock=clock or Clock(), most_bytes=most_bytes)


def look(index, *, of=SCOPE, now=NOW, mark=None, within=1.0, most=50):
    return [each.id for each in index.search(Sought(of, vector(1, 0), now, most, mark), within)]


def test_nothing_is_asked_of_the_log_where_the_mark_is_known():
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index, mark="1")
    log.asked.clear()

    assert look(index, mark="1") == ["a"]
    assert log.asked == []


def test_an_empty_mark_is_an_empty_scope_and_asks_nothing():
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index, mark="1")
    log.asked.clear()

    assert look(index, mark="") == []
    assert log.asked == []


def test_a_new_mark_asks_for_what_came_since():
    log = Log(stretch(row("a"), cursor=7))
    index = index_over(log)
    look(index, mark="1")
    log.put(stretch(row("b"), cursor=9))
    log.asked.clear()

    assert look(index, mark="2") == ["a", "b"]
    assert log.asked == [("since", 7)]


def test_an_older_mark_than_is_known_asks_nothing():
    log = Log(stretch(row("a")), stretch(row("b")))
    index = index_over(log)
    look(index, mark="2")
    log.asked.clear()

    assert len(look(index, mark="1")) == 2
    assert log.asked == []


def test_ones_own_entry_is_found_without_asking():
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index, mark="1")
    index.add([Entry("b", SCOPE, "What is b?", vector(0, 1), "x", NOW, NOW + 9)], NOW)
    log.asked.clear()

    assert look(index, mark="2") == ["a", "b"]
    assert log.asked == []


def test_what_another_wrote_meanwhile_is_not_missed_behind_ones_own():
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index, mark="1")
    log.put(stretch(row("theirs"), cursor=50))
    index.add([Entry("b", SCOPE, "What is b?", vector(0, 1), "x", NOW, NOW + 9)], NOW)

    assert set(look(index, mark="3")) == {"a", "b", "theirs"}


def test_a_stretch_of_another_scope_is_not_taken():
    log = Log(stretch(row("theirs"), of=OTHER), stretch(row("mine")))

    assert look(index_over(log)) == ["mine"]


def test_a_scope_is_read_the_newest_first_and_by_and_by():
    log = Log(*(stretch(row(f"e{n}"), cursor=n) for n in range(5)))
    index = index_over(log, clock=Clock(step=1))

    found = [look(index, mark="5", within=0.5) for _ in range(6)]

    assert [min(each) for each in found] == ["e4", "e3", "e2", "e1", "e0", "e0"]
    assert log.asked == ["newest", *["page"] * 5]


def test_what_comes_while_a_scope_is_still_being_read_is_found_afterwards():
    log = Log(*(stretch(row(f"e{n}"), cursor=n) for n in range(3)))
    index = index_over(log, clock=Clock(step=1))
    look(index, mark="3", within=0.5)
    log.put(stretch(row("new"), cursor=9))

    for _ in range(5):
        found = look(index, mark="4", within=0.5)

    assert set(found) == {"e0", "e1", "e2", "new"}


def test_what_is_gone_is_not_found_whichever_is_read_first():
    log = Log(stretch(row("a", NOW - 9), row("b", NOW - 9)), stretch(cursor=2, gone=[Gone(NOW - 5, ("a",))]))

    assert look(index_over(log)) == ["b"]


def test_what_is_gone_goes_from_memory():
    log = Log(stretch(row("a"), row("b")))
    index = index_over(log)
    look(index)
    log.put(stretch(cursor=2, gone=[Gone(NOW)]))

    assert look(index) == []


def test_a_younger_entry_survives_what_took_its_elder_back():
    log = Log(stretch(row("a", NOW - 9)), stretch(row("a", NOW), cursor=2, gone=[Gone(NOW - 5, ("a",)), Gone(NOW - 3)]))

    assert look(index_over(log)) == ["a"]


@pytest.mark.parametrize("ids", [("a",), ()])
def test_what_took_an_elder_back_leaves_the_younger_in_memory(ids):
    log = Log(stretch(row("a", NOW)))
    index = index_over(log)
    look(index)
    log.put(stretch(cursor=2, gone=[Gone(NOW - 1, ids)]))

    assert look(index) == ["a"]


def test_of_twins_in_one_stretch_the_newest_is_kept():
    log = Log(stretch(row("a", NOW), row("a", NOW - 5)))

    (found,) = index_over(log).search(Sought(SCOPE, vector(1, 0), NOW), 1.0)

    assert found.created_at == NOW


@pytest.mark.parametrize("fault", [StoreUnavailable("down"), Misconfigured("no rights")])
def test_a_log_that_fails_is_an_index_that_is_not_there(fault):
    log = Log(stretch(row("a")))
    log.fault = fault
    index = index_over(log)

    for mark in (None, "1"):
        with pytest.raises(IndexUnavailable):
            look(index, mark=mark)
    with pytest.raises(IndexUnavailable):
        index.add([], NOW)

    log.fault = None
    assert look(index, mark="1") == ["a"]


def test_a_log_that_fails_in_the_middle_is_read_again():
    log = Log(*(stretch(row(f"e{n}"), cursor=n) for n in range(3)))
    index = index_over(log, clock=Clock(step=1))
    look(index, mark="3", within=0.5)
    log.fault = StoreUnavailable("down")
    with pytest.raises(IndexUnavailable):
        look(index, mark="3", within=0.5)
    log.fault = None

    assert sorted(look(index, mark="3", within=100)) == ["e0", "e1", "e2"]


def test_a_scope_that_does_not_fit_keeps_its_newest():
    pages = [stretch(*(row(f"e{page}-{n}", NOW + page) for n in range(10)), cursor=page) for page in range(10)]
    log = Log(*pages)
    index = index_over(log, most_bytes=25 * ENTRY_BYTES)

    found = look(index, mark="10")

    assert len(found) <= 25
    assert {name[:2] for name in found} <= {"e9", "e8", "e7"}
    assert log.asked.count("page") <= 4


def test_a_full_scope_forgets_its_oldest_for_what_is_new():
    log = Log(stretch(*(row(f"old{n}", NOW - n) for n in range(20))))
    index = index_over(log, most_bytes=20 * ENTRY_BYTES)
    look(index, mark="1")

    for n in range(30):
        log.put(stretch(row(f"new{n}", NOW + 1 + n), cursor=2 + n))
        found = look(index, mark=str(2 + n))
        assert f"new{n}" in found
        assert len(found) <= 20

    assert not [name for name in found if name.startswith("old")]


def test_what_expired_makes_room_for_what_is_new():
    log = Log(stretch(*(row(f"old{n}", NOW - 1, NOW + 10) for n in range(18)), row("long", NOW - 99)))
    index = index_over(log, most_bytes=20 * ENTRY_BYTES)
    look(index, mark="1")
    log.put(stretch(*(row(f"new{n}", NOW + 20) for n in range(15)), cursor=2))

    assert len(look(index, mark="2", now=NOW + 20)) == 16


def test_scopes_that_were_not_asked_for_longest_are_forgotten_first():
    scopes = [AnswerScope("acme", f"u{n}", "echo", "p", "tiny/2") for n in range(6)]
    logs = {each: stretch(*(row(f"e{n}") for n in range(10)), of=each) for each in scopes}

    class Logs(Log):
        def newest(self, scope):
            self.asked.append(scope)
            yield logs[scope]

    log = Logs()
    index = index_over(log, most_bytes=256 * 8 * 2 + 3 * 10 * ROW_BYTES)
    for each in scopes:
        assert len(look(index, of=each, mark="1")) == 10
    assert index.health().entries < 60

    log.asked.clear()
    look(index, of=scopes[-1], mark="1")
    assert log.asked == []
    look(index, of=scopes[0], mark="1")
    assert log.asked == [scopes[0]]


def test_a_scope_that_was_not_asked_for_all_day_is_read_anew():
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index, mark="1")
    log.asked.clear()

    look(index, mark="1", now=NOW + REMEMBERED_SECONDS + 1)

    assert log.asked == ["newest", "page"]


@pytest.mark.parametrize("length", [0, 1, 3])
def test_a_vector_of_another_length_is_near_nothing(length):
    index = index_over(Log(stretch(row("a"))))

    assert list(index.search(Sought(SCOPE, struct.pack(f"<{length}f", *[1.0] * length), NOW), 1.0)) == []


def test_rows_of_another_length_are_not_taken():
    odd = Stretch(SCOPE, 2, (row("odd"),), struct.pack("<3f", 1, 0, 0))
    log = Log(stretch(row("a")))
    index = index_over(log)
    look(index)
    log.put(odd)

    assert look(index) == ["a"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_vector_without_direction_is_near_nothing(value):
    index = index_over(Log(stretch(row("a"))))

    assert list(index.search(Sought(SCOPE, struct.pack("<2f", value, value), NOW), 1.0)) == []
