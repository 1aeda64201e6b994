"""Targets that break in each way there is: what the callers notice, and what the targets are asked."""

import pytest

from chalicelib.domain.breaker import FAILURES
from chalicelib.pipeline.routing.pool import FIRST_RETRIES
from tests.load.yard import FAULTS

BROKEN = "stand://0"
EVERY = 0.1  # seconds between two calls: ten a second
MINUTE = 600  # calls
BEFORE_THE_FIRST_PIECE = [fault for fault in FAULTS if fault != "cut"]
FOUND = dict.fromkeys(FAULTS, FAILURES) | {"slow": 7}  # calls of a process; what is slow is asked less, not left alone
shapes = pytest.mark.parametrize("processes", [1, 20], ids=["one process", "twenty processes"])


def served(yard, record):
    """How many requests arrived; a refused connection is told by the attempt alone."""
    arrived = sum(len(stand.server.requests) for stand in yard.stands.values())
    return arrived + sum(yard.stands[attempt.target].fault == "refuse" for attempt in record.tried)


@shapes
@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "slow"])
def test_where_every_target_fails_for_a_minute_few_calls_are_made_twice(yard, fault, processes):
    yard.breaks(fault)

    record = yard.run(MINUTE, every=EVERY, processes=processes)

    assert record.offered == MINUTE
    assert len(record.tried) == served(yard, record) <= 1.10 * MINUTE


@pytest.mark.parametrize("every", [1.0, 40.0])
@pytest.mark.parametrize("fault", ["refuse", "429", "500", "garbage"])
def test_nor_where_calls_are_so_seldom_that_each_may_probe(yard, fault, every):
    yard.breaks(fault)

    record = yard.run(200, every=every)

    assert served(yard, record) <= 1.10 * 200 + FIRST_RETRIES


@shapes
@pytest.mark.parametrize("fault", BEFORE_THE_FIRST_PIECE)
def test_one_of_three_that_fails_costs_no_answers_and_is_left_alone(yard, fault, processes):
    yard.breaks(fault, BROKEN)

    record = yard.run(1_000, every=EVERY, processes=processes)

    assert record.outcomes["answered"] >= 999, record.outcomes
    assert record.to(BROKEN) <= FOUND[fault] * processes + 0.02 * 1_000


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault != "slow"])
def test_it_is_found_by_five_calls_or_avoided_before(yard, fault):
    yard.breaks(fault, BROKEN)

    record = yard.run(100, every=EVERY)

    assert yard.opened() in ([BROKEN], [])
    assert 1 <= record.to(BROKEN) <= FAILURES + 1  # and one probe


@pytest.mark.parametrize("fault", ["refuse", "hang", "500", "cut"])
def test_it_is_asked_again_once_it_is_healed(yard, fault):
    yard.breaks(fault, BROKEN)
    yard.run(300, every=EVERY)
    yard.breaks(None, BROKEN)
    yard.run(600, every=EVERY)

    record = yard.run(100, every=EVERY)

    assert record.to(BROKEN) >= 20


def test_streams_that_break_after_their_first_piece_are_few(yard):
    yard.breaks("cut", BROKEN)

    record = yard.run(1_000, every=EVERY)

    assert record.outcomes["answered"] >= 0.98 * 1_000
    assert record.to(BROKEN) <= 2 * FAILURES + 0.01 * 1_000


@shapes
def test_all_that_failed_for_a_minute_and_healed_are_back_within_half_a_minute(yard, processes):
    yard.breaks("500")
    yard.run(MINUTE, every=EVERY, processes=processes)
    yard.breaks(None)
    yard.run(300, every=EVERY, processes=processes)

    record = yard.run(300, every=EVERY, processes=processes)

    assert record.outcomes["answered"] >= 0.95 * 300
    assert len(record.tried) <= 1.01 * 300
