"""When a target is left alone, and for how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.breaker import (
    FAILURES,
    LONGEST_SECONDS,
    LONGEST_WISH_SECONDS,
    PROBE_SECONDS,
    PROMPT_SECONDS,
    Breaker,
    opens,
)
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelNotReady,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
)

NOW = 1_000.0


def test_a_closed_breaker_admits():
    assert Breaker().admits(NOW)
    assert not Breaker().probing


def test_full_once_is_not_down():
    full = Breaker().opened(ModelThrottled("No."), NOW)

    assert not Breaker().is_down(NOW)
    assert not full.is_down(NOW)
    assert not full.probed(NOW + 1, 0.5).is_down(NOW + 10)
    assert full.probed(NOW + 1, 0.5).opened(ModelThrottled("No."), NOW + 2).is_down(NOW + 2)
    assert not full.closed().is_down(NOW)


@pytest.mark.parametrize("fault", [ModelNotReady("No."), ModelUnavailable("No."), ModelTimeout("No.")])
def test_what_fails_is_down_until_its_time_has_passed(fault):
    failed = Breaker().opened(fault, NOW)

    assert failed.is_down(NOW)
    assert failed.is_down(failed.until - 0.1)
    assert not failed.is_down(failed.until)


def test_a_probe_that_is_not_answered_soon_tells_nothing_good():
    probed = Breaker().opened(ModelUnavailable("No."), NOW).probed(NOW + 5, 0.5)

    assert not probed.is_down(NOW + 5 + PROMPT_SECONDS - 0.1)
    assert probed.is_down(NOW + 5 + PROMPT_SECONDS)
    assert not probed.is_down(probed.probe_until), "its process died, so that another is about to ask"
    assert not probed.freed().is_down(NOW + 20)


@pytest.mark.parametrize("fault", [ModelThrottled("No."), ModelNotReady("No.")])
def test_a_wish_to_be_left_alone_opens_at_once(fault):
    assert opens(fault, 1)


@pytest.mark.parametrize(
    "fault", [ModelError("No."), ModelUnavailable("No."), ModelTimeout("No."), ModelGarbled("No.")]
)
def test_a_failure_opens_after_some_in_a_row(fault):
    assert [opens(fault, failures) for failures in (1, FAILURES - 1, FAILURES)] == [False, False, True]


@pytest.mark.parametrize(("wish", "seconds"), [(7, 7), (0, 1), (86_400, LONGEST_WISH_SECONDS)])
def test_a_target_is_left_alone_for_as_long_as_it_asks_within_reason(wish, seconds):
    assert Breaker().opened(ModelThrottled("No.", retry_after_seconds=wish), NOW).until == NOW + seconds


@pytest.mark.parametrize(("fault", "first"), [(ModelThrottled("No."), 1.0), (ModelUnavailable("No."), 2.0)])
def test_each_time_in_a_row_is_twice_as_long(fault, first):
    breaker, waits = Breaker(), []
    for _ in range(8):
        breaker = breaker.opened(fault, NOW)
        waits.append(breaker.until - NOW)

    assert waits[:4] == [first, 2 * first, 4 * first, 8 * first]
    assert waits[-1] == LONGEST_SECONDS


def test_an_open_breaker_admits_nobody_until_its_time_has_passed():
    opened = Breaker().opened(ModelUnavailable("No."), NOW)

    assert [opened.admits(NOW + after) for after in (0, 1.9, 2.0)] == [False, False, True]
    assert opened.probing


def test_one_probe_keeps_others_away_for_a_while():
    probed = Breaker().opened(ModelUnavailable("No."), NOW).probed(NOW + 2, 0.5)

    assert [probed.admits(NOW + 2 + after) for after in (0, PROBE_SECONDS - 1, PROBE_SECONDS)] == [False, False, True]


def test_two_probes_of_one_moment_are_told_apart():
    opened = Breaker().opened(ModelUnavailable("No."), NOW)

    assert opened.probed(NOW + 2, 0.25) != opened.probed(NOW + 2, 0.75)


@given(st.lists(st.sampled_from(["open", "probe", "close"])))
def test_every_move_is_a_version_of_its_own(moves):
    breaker, seen = Breaker(), [0]
    for move in moves:
        breaker = {
            "open": lambda known: known.opened(ModelError("No."), NOW),
            "probe": lambda known: known.probed(NOW, 0.5),
            "close": lambda known: known.closed(),
        }[move](breaker)
        seen.append(breaker.version)

    assert seen == list(range(len(moves) + 1))


def test_a_closed_one_has_forgotten_all_but_its_version():
    assert Breaker().opened(ModelTimeout("No."), NOW).closed() == Breaker(version=2)


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (ModelThrottled, "throttled"),
        (ModelNotReady, "not ready"),
        (ModelTimeout, "silent"),
        (ModelGarbled, "garbled"),
        (ModelUnavailable, "failing"),
    ],
)
def test_the_reason_is_kept_for_people(fault, word):
    assert Breaker().opened(fault("secret"), NOW).reason == word
