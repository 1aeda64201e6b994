"""Workers follow what the targets bear: never none, never in leaps, and not to and fro."""

from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import app
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota
from chalicelib.domain.concurrency import (
    FEWEST,
    LOOK_BACK,
    MESSAGES,
    MINUTE,
    MOST,
    START,
    Flow,
    bearable,
    next_workers,
)
from chalicelib.domain.errors import ModelNotReady, ModelThrottled
from chalicelib.edge.batch import MOST_AT_ONCE

NOW = 1_800_000_000.0
CLOSED = Breaker()
QUIET = (0,) * LOOK_BACK
SOME = Quota(requests_per_minute=300)


def after(workers, *, waiting=1_000, returned=QUIET, bears=None, ago=MINUTE):
    return next_workers(Flow(workers, NOW - ago, waiting), returned, bears, NOW)


def lately(*returned):
    return (*returned, *QUIET)[:LOOK_BACK]


def opened(times, wish=None, kind=ModelThrottled):
    breaker = CLOSED
    for _ in range(times):
        breaker = breaker.opened(kind("No.", retry_after_seconds=wish), NOW)
    return breaker


def test_a_worker_has_as_many_messages_as_a_batch_brings():
    (source,) = (each for each in app.event_sources if each.name == "work")

    assert MESSAGES == MOST_AT_ONCE == source.batch_size


@given(
    st.integers(FEWEST, MOST),
    st.integers(0, 10**6),
    st.tuples(*[st.integers(0, 10**6)] * LOOK_BACK),
    st.none() | st.integers(0, 10**6),
)
def test_they_are_never_none_never_too_many_and_never_leap(workers, waiting, returned, bears):
    wanted = after(workers, waiting=waiting, returned=returned, bears=bears)

    assert FEWEST <= wanted <= MOST
    assert workers / 2 <= wanted <= 2 * workers


@given(st.integers(FEWEST, MOST), st.tuples(*[st.integers(0, 10**6)] * LOOK_BACK), st.integers(0, 10**6))
def test_what_was_changed_a_moment_ago_is_not_changed_again(workers, returned, bears):
    assert after(workers, returned=returned, bears=bears, ago=20) == workers


def test_a_line_without_a_bound_gets_one():
    assert after(None, ago=0) == START


@pytest.mark.parametrize(
    ("returned", "workers"),
    [
        (lately(), 80),
        (lately(0, 0, 0, 0, 1), 50),  # somebody came back: from here on with care
        (lately(100), 50),
        (lately(101), 40),  # too many for comfort, too few to give way
        (lately(0, 0, 101), 40),
        (lately(400), 40),
        (lately(401), 30),
        (lately(401, 401), 20),
    ],
)
def test_the_number_follows_what_came_back(returned, workers):
    assert after(40, returned=returned) == workers


def test_nobody_is_added_where_nobody_waits():
    assert after(40, waiting=0) == 40


def test_what_the_targets_state_bounds_them_at_once_if_that_is_no_leap():
    assert [after(40, bears=bears) for bears in (10_000, 505, 300, 0)] == [80, 51, 30, 20]


@pytest.mark.parametrize(
    ("quotas", "calls"),
    [
        ([], 0),
        ([None], None),
        ([Quota(output_burndown=5)], None),
        ([Quota(requests_per_minute=300)], 100),
        ([Quota(tokens_per_minute=130_000)], 34),
        ([Quota(tokens_per_minute=130_000, output_burndown=5)], 18),
        ([Quota(requests_per_minute=30, tokens_per_minute=130_000)], 10),
        ([Quota(requests_per_minute=300), Quota(requests_per_minute=30)], 110),
        ([Quota(requests_per_minute=300), None], None),
    ],
)
def test_quotas_say_how_much_is_borne(quotas, calls):
    assert bearable([(quota, CLOSED) for quota in quotas], NOW) == calls


@pytest.mark.parametrize(
    ("breaker", "calls"),
    [
        (CLOSED, 100),
        (opened(1), 100),  # busy for a second
        (opened(2), 100),
        (opened(3), 0),
        (opened(1, wish=300), 0),
        (opened(1, wish=300, kind=ModelNotReady), 0),
    ],
)
def test_a_target_that_is_away_bears_nothing(breaker, calls):
    assert bearable([(SOME, breaker)], NOW) == calls


def test_one_without_a_quota_that_is_away_leaves_what_the_others_state():
    assert bearable([(None, opened(3)), (SOME, CLOSED)], NOW) == 100


class Day:
    """Minutes of a line that never ends, before a target of so many calls a minute that it does not state."""

    def __init__(self, workers=START):
        self.workers = workers
        self.returned = deque(QUIET, LOOK_BACK)
        self.told = []
        self.used = []

    def minute(self, calls, seconds=6.0, backlog=5_000):
        """What is over a quota is put back until the minute ends, each job once."""
        asked = self.workers * MESSAGES * MINUTE / seconds
        self.used.append(min(asked, calls) / calls)
        self.returned.appendleft(backlog if asked > calls else 0)
        self.workers = after(self.workers, returned=tuple(self.returned), waiting=backlog)
        self.told.append(self.workers)

    def pass_by(self, minutes, calls):
        for _ in range(minutes):
            self.minute(calls)
        return sum(self.used[-minutes:]) / minutes


@pytest.mark.parametrize("calls", [600, 3_000, 30_000])
def test_they_find_what_a_target_takes_and_stay_there(calls):
    day, right = Day(), calls * 6 / MINUTE / MESSAGES

    found = day.pass_by(30, calls)
    stayed = day.pass_by(120, calls)
    late = day.told[-120:]
    moved = sum(one != other for one, other in pairwise(late))

    assert found > 0.7
    assert stayed > 0.85
    assert all(0.5 * right <= each <= 1.5 * right + 1 for each in late)
    assert moved < 90


def test_they_follow_a_target_that_takes_less_and_more_again():
    day = Day()
    day.pass_by(30, 6_000)

    day.pass_by(10, 600)
    least = day.workers
    day.pass_by(20, 6_000)

    assert least <= 8
    assert day.workers >= 40
