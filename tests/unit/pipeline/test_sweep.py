"""Leases that ran out are ended, and the charge is kept."""

import pytest

from chalicelib.domain.errors import QueueUnavailable
from chalicelib.pipeline import turn, work
from chalicelib.pipeline.lane import RESEND_SECONDS
from chalicelib.pipeline.sweep import BATCH, MOST, Sweeper, sweep
from tests.builders import NOW, an_ask
from tests.unit.pipeline.stage import LEASE_SECONDS, Stage


class Leases:
    """So many leases that ran out."""

    def __init__(self, count):
        self.left = count
        self.asked = []

    def expire(self, before, limit):
        self.asked.append((before, limit))
        ended = min(limit, self.left)
        self.left -= ended
        return ended


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, BATCH + 1, 3 * BATCH])
def test_every_lease_that_ran_out_is_ended(count):
    leases = Leases(count)

    assert sweep(leases, NOW) == count
    assert leases.left == 0


def test_a_run_does_each_chore_and_leaves_the_rest_for_the_next():
    leases = Leases(MOST + 1)
    sweeper = Sweeper({"ended": lambda: sweep(leases, NOW, MOST), "resent": lambda: 7})

    runs = [sweeper.run() for _ in range(3)]

    assert runs == [{"ended": MOST, "resent": 7}, {"ended": 1, "resent": 7}, {"ended": 0, "resent": 7}]


def test_a_chore_that_fails_keeps_no_other_from_being_done():
    leases = Leases(3)

    def fails():
        raise QueueUnavailable("down")

    with pytest.raises(QueueUnavailable):
        Sweeper({"resent": fails, "ended": lambda: sweep(leases, NOW)}).run()
    assert leases.left == 0


def test_what_nobody_took_up_is_sent_again_once_in_a_while():
    stage = Stage()
    turn.enqueue(an_ask(credential=stage.credential), stage.services)
    stage.queue.waiting.clear()  # it got lost

    resent = []
    for _ in range(2):
        stage.now += RESEND_SECONDS + 1
        resent += [stage.lane.resend(), stage.lane.resend()]

    assert resent == [1, 0, 1, 0]
    assert len(stage.queue.waiting) == 2
    for message, _ in stage.queue.waiting:
        work.complete(message, stage.services)
    assert len(stage.models["a"].requests) == 1


def test_one_sweep_ends_no_more_than_it_may():
    leases = Leases(10 * BATCH)

    assert sweep(leases, NOW, most=3 * BATCH) == 3 * BATCH


def test_an_abandoned_turn_keeps_its_charge_and_is_swept_once():
    stage = Stage()
    turn.stream(an_ask(credential=stage.credential), stage.services)  # nobody reads it, nobody closes it
    held, turns = stage.used(), stage.services.admission.turns

    swept = [sweep(turns, NOW + LEASE_SECONDS + second) for second in (0, 1, 2)]

    assert swept == [0, 1, 0]
    assert stage.leases() == ["expired"]
    assert stage.used() == held
