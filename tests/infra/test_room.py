"""How many requests a process works on at once."""

import asyncio
from types import SimpleNamespace

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


def test_a_machine_has_time_while_three_tenths_of_its_cores_were_idle_or_gave_way(monkeypatch, tmp_path):
    stat, clock = tmp_path / "stat", SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(room, "_STAT", stat)
    monkeypatch.setattr(room, "monotonic", lambda: clock.now)
    machine, told = Machine(), []

    for busy, nice, idle, seconds in (
        (100, 0, 900, 1),
        (171, 0, 929, 1),
        (241, 0, 959, 1),
        (340, 0, 960, 0.05),
        (341, 0, 959, 1),
        (401, 40, 959, 1),
    ):
        stat.write_text(f"cpu {busy} {nice} 0 {idle} 0 0 0 0 0 0\ncpu0 1 2 3\n")
        clock.now += seconds
        told.append(machine.has_time())

    assert told == [True, False, True, True, False, True]


def test_a_system_that_does_not_say_has_time(monkeypatch, tmp_path):
    monkeypatch.setattr(room, "_STAT", tmp_path / "nowhere")

    assert Machine().has_time()
