"""How many requests a process works on at once."""

import asyncio
from types import SimpleNamespace

import pytest

from infra.local import room
from infra.local.room import Machine, Room


class Turns:
    """A room, who was started in it, and whether the machine has time."""

    pace = 1.0

    def __init__(self, *, most=4, always=2, waiting=3, has_time=True):
        self.has_time = has_time
        self.now = 0.0
        self.started = []
        self.starts = {}
        self.room = Room(most, always, waiting, lambda: self.has_time, self.clock)

    def clock(self):
        """Each look is a second later."""
        self.now += self.pace
        return self.now

    def come(self, *names):
        """Whether each finds a place, at work or in line."""
        found = []
        for name in names:
            self.starts[name] = lambda name=name: self.started.append(name)
            found.append(self.room.admit(self.starts[name]))
        return found


def run(act):
    async def acting():
        return act()

    return asyncio.run(acting())


def test_while_the_machine_has_time_all_threads_are_used_and_then_the_line():
    turns = Turns()

    found = run(lambda: turns.come(*"abcdefgh"))

    assert (found, turns.started) == ([True] * 7 + [False], list("abcd"))


def test_not_all_begin_at_once_because_a_moment_ago_there_was_time():
    turns = Turns()
    turns.pace = 0.0
    turns.now = 1.0

    found = run(lambda: turns.come(*"abcdef"))

    assert (found, turns.started) == ([True] * 6, list("abc"))


def test_a_place_that_was_left_is_anothers_at_once():
    turns = Turns()

    def play():
        turns.come(*"abcde")
        turns.pace = 0.0
        turns.room.leave()
        turns.come("f")
        turns.room.leave()
        turns.come("g")

    run(play)

    assert turns.started == list("abcdef")


def test_places_that_nobody_wants_are_gone_after_a_while():
    turns = Turns()

    def play():
        turns.come(*"abcd")
        turns.pace = 0.0
        for _ in range(4):
            turns.room.leave()
        turns.come(*"efgh")

    run(play)

    assert turns.started == list("abcdef")


def test_places_are_gone_where_the_machine_has_no_time_left():
    turns = Turns()

    def play():
        turns.come(*"abcd")
        turns.has_time = False
        turns.room.leave()
        turns.come("e")
        turns.has_time, turns.pace = True, 0.0
        turns.room.leave()
        turns.come("f", "g")

    run(play)

    assert turns.started == list("abcd")


def test_a_busy_machine_works_on_fewer():
    turns = Turns(has_time=False)

    found = run(lambda: turns.come(*"abcdef"))

    assert (found, turns.started) == ([True] * 5 + [False], list("ab"))


def test_who_waits_is_started_in_order_as_others_leave():
    turns = Turns(has_time=False)

    def play():
        turns.come(*"abcd")
        turns.room.leave()
        turns.room.leave()

    run(play)

    assert turns.started == list("abcd")


def test_who_comes_later_does_not_pass_the_line():
    turns = Turns(has_time=False)

    def play():
        turns.come(*"abc")
        turns.has_time = True
        turns.come("d")
        turns.room.leave()

    run(play)

    assert turns.started == list("abcd")


def test_whoever_left_the_line_is_not_started():
    turns = Turns(has_time=False)

    def play():
        turns.come(*"abcd")
        turns.room.withdraw(turns.starts["c"])
        turns.room.withdraw(turns.starts["a"])
        turns.room.leave()

    run(play)

    assert turns.started == list("abd")


def test_the_line_moves_when_the_machine_has_time_again_though_nobody_leaves():
    turns = Turns(has_time=False)

    async def play():
        done = asyncio.Event()
        turns.come(*"abc")
        turns.room.admit(done.set)
        turns.has_time = True
        await asyncio.wait_for(done.wait(), 30)

    asyncio.run(play())

    assert turns.started == list("abc")


@pytest.fixture
def look(monkeypatch, tmp_path):
    stat, clock = tmp_path / "stat", SimpleNamespace(now=1_000.0, used=5.0)
    monkeypatch.setattr(room, "_STAT", stat)
    monkeypatch.setattr(room, "monotonic", lambda: clock.now)
    monkeypatch.setattr(room, "process_time", lambda: clock.used)
    machine = Machine()

    def look(busy, nice, idle, seconds, used=0.5):
        stat.write_text(f"cpu {busy} {nice} 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n")
        clock.now += seconds
        clock.used += used * seconds
        return machine.has_time()

    return look


def test_a_machine_has_time_while_three_tenths_of_its_cores_were_idle_or_gave_way(look):
    assert look(100, 0, 900, 1)
    assert not look(171, 0, 929, 1)
    assert look(241, 0, 959, 1)
    assert look(340, 0, 960, 0.05)
    assert not look(341, 0, 959, 1)
    assert look(401, 40, 959, 1)


def test_a_machine_that_others_keep_busy_has_time(look):
    assert look(100, 0, 900, 1)
    assert look(200, 0, 900, 1, used=0.2)
    assert not look(300, 0, 900, 1, used=0.3)


def test_a_system_that_does_not_say_has_time(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "_STAT", tmp_path / "nowhere")

    assert Machine().has_time()
