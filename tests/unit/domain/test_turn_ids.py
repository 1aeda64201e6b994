from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.turn_ids import RANDOM_BYTES, started, turn_id

moments = st.integers(0, 2**38).map(lambda eighth: eighth / 8)
draws = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


@given(moments, moments, draws, draws)
def test_ids_sort_by_the_time_that_their_turns_began(earlier, later, one, other):
    earlier, later = sorted((earlier, later))

    assert (turn_id(earlier, one)[:12] <= turn_id(later, other)[:12]) is True
    assert started(earlier) <= turn_id(earlier, one)
    if later - earlier >= 0.125:
        assert turn_id(earlier, one) < started(later) <= turn_id(later, other)


@given(moments, draws)
def test_an_id_is_as_long_as_any_other(now, random):
    assert len(turn_id(now, random)) == 32
