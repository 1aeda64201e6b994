"""What is used, and what is left of it."""

import pytest

from chalicelib.domain.budget import Charge, Limit, Subject
from chalicelib.domain.usage import Line, Use, report
from tests.builders import NOW

KEY, TENANT = Subject("key", "k"), Subject("tenant", "t")
OF_KEY, OF_TENANT = Limit("key", "day", tokens=5), Limit("tenant", "day", tokens=50)


def test_a_report_has_a_line_for_each_subject_and_window():
    found = report((KEY, TENANT), {KEY: {"day": Use(Charge(1, 2, 3))}}, (OF_KEY, OF_TENANT), NOW)

    assert [(line.subject, line.period.window) for line in found] == [
        (subject, window) for subject in (KEY, TENANT) for window in ("minute", "day", "month")
    ]
    assert [(line.use.used.tokens, line.limit("tokens"), line.remaining("tokens")) for line in found] == [
        (0, None, None),
        (2, 5, 3),
        (0, None, None),
        (0, None, None),
        (0, 50, 50),
        (0, None, None),
    ]


@pytest.mark.parametrize(("used", "left"), [(0, 5), (5, 0), (6, 0)])
def test_what_remains_is_never_less_than_nothing(used, left):
    (_, day, _) = report((KEY,), {KEY: {"day": Use(Charge(tokens=used))}}, (OF_KEY,), NOW)

    assert day.remaining("tokens") == left
    assert day.remaining("requests") is None


def test_a_line_without_a_limit_leaves_nothing_to_count():
    (minute, _, _) = report((KEY,), {}, (), NOW)

    assert isinstance(minute, Line)
    assert minute.limit("requests") is None


def test_the_tightest_of_several_limits_counts():
    limits = (Limit("key", "day", tokens=9, requests=1), OF_KEY, Limit("key", "month", tokens=1), OF_TENANT)

    (_, day, month) = report((KEY,), {}, limits, NOW)

    assert (day.limit("tokens"), day.limit("requests"), day.limit("usd_micros")) == (5, 1, None)
    assert month.limit("tokens") == 1
