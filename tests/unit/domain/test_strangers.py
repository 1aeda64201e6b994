"""Failures are counted for a minute, by who they are of, in memory that does not grow."""

import pytest

from chalicelib.domain.strangers import Failures, network

MOST = 5


def filled(failures, who="one", times=MOST, now=0.0):
    for _ in range(times):
        failures.add(who, now)
    return failures


def test_so_many_failures_are_looked_at_and_no_more():
    waits = [filled(Failures(MOST), times=times).wait("one", 0.0) for times in range(MOST + 1)]

    assert [wait > 0 for wait in waits] == [False] * MOST + [True]


def test_who_waits_as_long_as_told_is_looked_at_once_more():
    failures = filled(Failures(MOST))
    wait = failures.wait("one", 0.0)

    assert (wait, failures.wait("one", wait - 1) > 0, failures.wait("one", wait) > 0) == (12, True, False)
    failures.add("one", wait)
    assert failures.wait("one", wait) > 0


def test_after_a_minute_without_failures_all_is_forgotten():
    failures = filled(filled(Failures(MOST)), times=MOST - 1, now=60.0)

    assert failures.wait("one", 60.0) <= 0


def test_nobody_waits_for_longer_than_one_failure_takes_whatever_the_clock_does():
    failures = filled(Failures(MOST), times=1_000)

    assert (failures.wait("one", 0.0), failures.wait("one", -10_000.0)) == (12, 12)


def test_others_are_counted_apart():
    assert filled(Failures(MOST)).wait("two", 0.0) <= 0


def test_memory_has_an_end_and_who_failed_last_is_remembered():
    failures = Failures(1, most=100)
    for number in range(1_000):
        failures.add("one", 0.0)
        failures.add(str(number), 0.0)

    assert len(failures._empty_at) == 100
    assert [failures.wait(who, 0.0) > 0 for who in ("one", "999", "0")] == [True, True, False]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("198.51.100.7", "198.51.100.8", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("not:an:address", "nor:this", False),
        ("", "", True),
    ],
)
def test_an_address_stands_for_its_subscriber(one, other, are_same):
    assert (network(one) == network(other)) == are_same
