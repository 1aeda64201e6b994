"""How a quota is leased and given back."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.allowance import MOST_CALLS, Allowance, Block, block, burned, start
from chalicelib.domain.catalogue import Quota
from chalicelib.domain.chat import Usage

QUOTA = Quota(requests_per_minute=320, tokens_per_minute=320_000, output_burndown=5)


def test_a_call_takes_its_input_and_its_cap_at_its_start():
    assert start(100, 4_096) == Block(1, 4_196)


def test_it_has_burned_its_fresh_input_and_its_output_at_the_models_rate():
    assert burned(QUOTA, Usage(input_tokens=100, cached_input_tokens=60, output_tokens=10)) == Block(1, 40 + 50)


def test_what_is_left_is_of_one_minute():
    allowance = Allowance(minute=2, left=Block(3, 300), calls=1)

    assert allowance.at(2 * 60 + 59.9) == allowance
    assert allowance.at(3 * 60) == Allowance(minute=3)


def test_a_quiet_process_leases_one_call():
    assert block(QUOTA, start(100, 900), Allowance()) == Block(1, 1_000)


def test_a_busy_process_leases_for_many_but_never_more_than_a_part():
    busy = Allowance(calls=1_000)

    assert block(QUOTA, start(10, 90), busy) == Block(MOST_CALLS, MOST_CALLS * 100)
    assert block(QUOTA, start(1_000, 9_000), busy) == Block(MOST_CALLS, 320_000 // 16)


@given(
    st.builds(Quota, st.none() | st.integers(1, 1_000), st.none() | st.integers(1, 10**6), st.integers(1, 5)),
    st.integers(0, 10**5),
    st.integers(0, 10**5),
    st.builds(
        Allowance, left=st.builds(Block, st.integers(-5, 5), st.integers(-(10**5), 10**5)), calls=st.integers(0, 99)
    ),
)
def test_a_block_is_always_enough_for_the_call_that_asks_for_it(quota, inputs, cap, allowance):
    asked = start(inputs, cap)

    assert allowance.given(block(quota, asked, allowance)).left.covers(asked)
