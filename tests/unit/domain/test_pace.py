"""What a target's speed is learned from."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.pace import HALF_LIFE_SECONDS, Pace, ordinary_first, ordinary_rest

NOW = 1_000.0
SIZES = st.tuples(st.integers(0, 100_000), st.integers(1, 8_000))
SECONDS = st.floats(0, 900, allow_nan=False)


def taught(factor, sizes, *, streamed):
    pace = Pace()
    for inputs, outputs in sizes:
        first, rest = factor * ordinary_first(inputs), factor * ordinary_rest(outputs)
        if streamed:
            pace = pace.began(first, inputs, NOW).ended(rest, outputs, NOW)
        else:
            pace = pace.answered(first + rest, inputs, outputs, NOW)
    return pace


@given(st.floats(0.01, 100), st.lists(SIZES, min_size=40, max_size=40), st.booleans())
def test_a_target_that_is_so_many_times_slower_is_found_to_be_whatever_it_was_asked(factor, sizes, streamed):
    pace = taught(factor, sizes, streamed=streamed)

    assert abs(pace.first / factor - 1) < 0.01
    assert abs(pace.rest / factor - 1) < 0.01


def test_a_stream_teaches_its_two_parts_apart():
    pace = Pace()
    for _ in range(40):
        pace = pace.began(10 * ordinary_first(100), 100, NOW).ended(ordinary_rest(50) / 10, 50, NOW)

    assert (round(pace.first, 2), round(pace.rest, 2)) == (10.0, 0.1)


def test_one_stray_answer_is_not_the_rule():
    pace = taught(1.0, [(100, 100)] * 20, streamed=True)

    stray = pace.began(100 * ordinary_first(100), 100, NOW)

    assert stray.first < 5


def test_failing_quickly_makes_nobody_fast():
    pace = taught(2.0, [(100, 100)] * 20, streamed=True)

    assert pace.failed(0.001, 100, NOW).first == pace.first
    assert pace.failed(60, 100, NOW).first > pace.first


def test_a_target_that_nobody_asked_is_taken_for_less_slow_with_time():
    pace = Pace(first=10.0, rest=10.0, at=NOW)

    now, later, never = (pace.expected(100, 100, NOW + after) for after in (0, HALF_LIFE_SECONDS, 1e12))

    assert round(now / later, 6) == 2
    assert never > 0


@given(st.lists(st.tuples(SECONDS, SIZES)), st.floats(0, 1e9), SIZES)
def test_what_is_expected_is_always_a_time(seen, after, asked):
    pace = Pace()
    for seconds, (inputs, outputs) in seen:
        pace = pace.began(seconds, inputs, NOW).ended(seconds, outputs, NOW).answered(seconds, inputs, outputs, NOW)

    assert 0 < pace.expected(*asked, NOW + after) < float("inf")
