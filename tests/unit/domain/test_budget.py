"""Windows, charges and gauges."""

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.budget import (
    METERS,
    WINDOWS,
    CacheRules,
    Charge,
    Gauge,
    Limit,
    Standing,
    describe,
    period,
    refused,
    standing,
    together,
)
from tests.builders import NOW, a_plan

moments = st.floats(0, 4_102_444_800)  # to the year 2100
windows = st.sampled_from(WINDOWS)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@given(windows, moments)
def test_a_moment_is_in_its_period(window, now):
    found = period(window, now)

    assert found.starts <= now < found.ends


@given(windows, moments)
def test_periods_follow_each_other_without_a_gap(window, now):
    found = period(window, now)

    assert period(window, found.ends).starts == found.ends
    assert period(window, found.starts) == found
    assert period(window, found.ends - 0.001) == found


@given(windows, moments, moments)
def test_labels_are_unique_and_sort_by_time(window, one, other):
    first, second = sorted((period(window, one), period(window, other)), key=lambda each: each.starts)

    assert (first.label == second.label) == (first == second)
    assert len(first.label) < len(second.label) or first.label <= second.label


@given(moments)
def test_labels_of_different_windows_differ(now):
    assert len({period(window, now).label for window in WINDOWS}) == 3


@pytest.mark.parametrize(
    ("window", "now", "starts", "ends", "label"),
    [
        ("minute", "2026-12-31T23:59:59.999", "2026-12-31T23:59:00", "2027-01-01T00:00:00", "m29979359"),
        ("day", "2026-12-31T23:59:59", "2026-12-31", "2027-01-01", "d20261231"),
        ("day", "2024-02-29T00:00:00", "2024-02-29", "2024-03-01", "d20240229"),
        ("month", "2026-12-31T23:59:59", "2026-12-01", "2027-01-01", "n202612"),
        ("month", "2027-01-01T00:00:00", "2027-01-01", "2027-02-01", "n202701"),
        ("month", "2024-02-29T12:00:00", "2024-02-01", "2024-03-01", "n202402"),
        ("month", "2026-01-31T12:00:00", "2026-01-01", "2026-02-01", "n202601"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(window, now, starts, ends, label):
    found = period(window, at(now))

    assert (found.starts, found.ends, found.label) == (at(starts), at(ends), label)


@pytest.fixture
def far_from_utc(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "AHEAD-14")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("far_from_utc")
def test_a_period_does_not_depend_on_where_the_machine_stands():
    found = period("month", at("2026-11-30T12:00:00"))

    assert (found.starts, found.ends, found.label) == (at("2026-11-01"), at("2026-12-01"), "n202611")
    assert period("day", at("2026-11-30T12:00:00")).label == "d20261130"


def test_a_difference_of_charges_may_be_negative():
    assert Charge(1, 5, 7) - Charge(1, 8, 2) == Charge(0, -3, 5)


@pytest.mark.parametrize("meter", METERS)
def test_every_meter_can_be_read(meter):
    assert Charge(**{meter: 7}).of(meter) == 7


@pytest.mark.parametrize(
    ("limit", "meter", "words"),
    [
        (Limit("key", "minute", tokens=1_000), "tokens", "tokens per minute of the key (1000)"),
        (Limit("key", "minute", requests=0), "requests", "requests per minute of the key (0)"),
        (Limit("tenant", "month", usd_micros=5), "usd_micros", "dollars per month of the tenant ($0.000005)"),
        (Limit("user", "day", usd_micros=1_000_000), "usd_micros", "dollars per day of the user ($1.00)"),
        (Limit("user", "day", usd_micros=2_345_600_000), "usd_micros", "dollars per day of the user ($2,345.60)"),
        (Limit("user", "day", usd_micros=12_500), "usd_micros", "dollars per day of the user ($0.0125)"),
    ],
)
def test_a_limit_is_told_in_words(limit, meter, words):
    assert describe(limit, meter) == words


def test_a_plan_without_limits_has_no_gauge():
    assert standing(a_plan(), {}, Charge(1, 10), NOW) == Standing(None, None)


def test_a_gauge_counts_what_was_used_and_what_is_spent_now():
    plan = a_plan(Limit("user", "minute", requests=10, tokens=1_000))
    balances = {("user", "minute"): Charge(requests=3, tokens=300)}

    found = standing(plan, balances, Charge(requests=1, tokens=100), NOW)

    assert found == Standing(Gauge(10, 6, 20), Gauge(1_000, 600, 20))


def test_the_tightest_limit_is_the_one_with_the_smallest_share_left():
    plan = a_plan(Limit("user", "minute", tokens=100), Limit("tenant", "day", tokens=10_000))
    balances = {("tenant", "day"): Charge(tokens=9_900)}

    assert standing(plan, balances, Charge(), NOW).tokens == Gauge(10_000, 100, 12_800)


def test_a_limit_of_one_that_is_whole_is_not_the_tightest():
    plan = a_plan(Limit("user", "minute", requests=1), Limit("tenant", "minute", requests=100))

    assert standing(plan, {("tenant", "minute"): Charge(40)}, Charge(), NOW).requests == Gauge(100, 60, 20)


def test_another_subjects_use_does_not_count():
    plan = a_plan(Limit("user", "minute", tokens=100))

    assert standing(plan, {("key", "minute"): Charge(tokens=90)}, Charge(), NOW).tokens.remaining == 100


def test_nothing_is_left_of_a_limit_that_is_passed_or_zero():
    plan = a_plan(Limit("user", "day", requests=0), Limit("user", "minute", tokens=10))

    found = standing(plan, {("user", "minute"): Charge(tokens=99)}, Charge(), NOW)

    assert (found.requests.remaining, found.tokens.remaining) == (0, 0)


@given(moments, windows)
def test_a_reset_lies_in_the_future_and_within_the_window(now, window):
    gauge = standing(a_plan(Limit("user", window, tokens=10)), {}, Charge(), now).tokens

    found = period(window, now)
    assert 1 <= gauge.reset_seconds <= found.ends - found.starts
    assert gauge.reset_seconds >= found.ends - now - 0.001


@pytest.mark.parametrize(("past", "wait"), [(0.0, 60), (0.5, 60), (58.5, 2), (59.0, 1), (59.999, 1)])
def test_a_reset_is_told_in_whole_seconds_and_never_as_now(past, wait):
    plan = a_plan(Limit("user", "minute", tokens=10))

    assert standing(plan, {}, Charge(), at("2026-05-28T20:26:00") + past).tokens.reset_seconds == wait


KNOWN = Standing(Gauge(10, 5, 7), Gauge(1_000, 400, 7))
FOUND = Gauge(100, 0, 20)


@pytest.mark.parametrize(
    ("gauge", "told"),
    [
        (("requests", FOUND), Standing(FOUND, KNOWN.tokens)),
        (("tokens", FOUND), Standing(KNOWN.requests, FOUND)),
        (("usd_micros", FOUND), KNOWN),
        (None, KNOWN),
    ],
)
def test_the_limit_that_refused_is_the_one_that_headers_tell(gauge, told):
    assert refused(KNOWN, gauge) == told


def test_a_tenant_without_a_plan_of_its_own_changes_nothing():
    plan = a_plan(Limit("key", "day", tokens=5), models=("small",), concurrent=2)

    assert together(plan, None) == plan


def test_the_limits_of_the_key_and_of_its_tenant_both_hold():
    mine, own = Limit("tenant", "day", tokens=5), Limit("tenant", "day", tokens=3)

    both = together(a_plan(mine, name="mine"), a_plan(own, Limit("key", "day", requests=1), name="own"))

    assert (both.name, both.limits) == ("mine", (mine, own, Limit("key", "day", requests=1)))


@pytest.mark.parametrize(
    ("mine", "own", "both"),
    [
        (None, None, None),
        (("a",), None, ("a",)),
        (None, ("a",), ("a",)),
        (("a", "b"), ("b", "c"), ("b",)),
        ((), None, ()),
    ],
)
def test_models_are_those_that_both_plans_allow(mine, own, both):
    assert together(a_plan(models=mine), a_plan(models=own)).models == both


@pytest.mark.parametrize(("mine", "own", "both"), [(None, None, None), (2, None, 2), (None, 0, 0), (2, 3, 2)])
def test_a_key_has_the_fewer_places_of_both_plans(mine, own, both):
    assert together(a_plan(concurrent=mine), a_plan(concurrent=own)).concurrent == both


@pytest.mark.parametrize(("mine", "own"), [(False, False), (True, False), (False, True), (True, True)])
def test_turns_go_on_without_a_ledger_only_where_both_plans_allow_it(mine, own):
    assert together(a_plan(fail_open=mine), a_plan(fail_open=own)).fail_open is (mine and own)


@pytest.mark.parametrize("mine", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_users_share_answers_as_the_plan_of_the_key_says(mine, own):
    assert together(a_plan(shares_answers=mine), a_plan(shares_answers=own)).shares_answers is mine


def test_what_the_tenants_plan_says_of_the_cache_stands_before_what_the_keys_says():
    mine, own = CacheRules(mode="serve"), CacheRules(mode="off")

    assert together(a_plan(cache=mine), a_plan(cache=own)).cache == own
    assert together(a_plan(cache=mine), a_plan()).cache == mine
    assert together(a_plan(), a_plan()).cache is None


def test_a_subject_is_hot_where_either_plan_says_so():
    both = together(a_plan(shards=2, hot=("key",)), a_plan(shards=4))

    assert (both.shards, both.hot) == (4, ("key", "tenant"))
    assert together(a_plan(shards=2, hot=("key",)), a_plan()).hot == ("key",)
