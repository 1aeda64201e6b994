"""The cap of a request that names none."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.sizing import ENOUGH, LEAST, Outputs

DEFAULT = 16_384


def taught(*tokens, cut=False):
    outputs = Outputs()
    for each in tokens:
        outputs = outputs.learned(each, cut=cut)
    return outputs


def test_nothing_is_concluded_from_a_few_answers():
    assert taught(*[10] * int(ENOUGH)).cap(DEFAULT) == DEFAULT


def test_short_answers_need_no_long_cap():
    assert taught(*[100] * 200).cap(DEFAULT) == LEAST


@given(st.lists(st.integers(0, 20_000), min_size=200, max_size=300))
def test_every_usual_answer_fits_twice(tokens):
    cap = taught(*tokens).cap(DEFAULT)
    usual = sorted(tokens)[int(0.97 * len(tokens))]

    assert LEAST <= cap <= DEFAULT
    assert cap == DEFAULT or usual * 2 <= cap


def test_a_default_below_the_least_stays():
    assert taught(*[100] * 200).cap(100) == 100


def test_answers_that_were_cut_raise_it():
    short = taught(*[500] * 200)
    cap = short.cap(DEFAULT)
    for _ in range(20):
        short = short.learned(cap, cut=True)

    assert short.cap(DEFAULT) >= 2 * cap


def test_what_was_long_ago_fades():
    assert taught(*[8_000] * 100, *[50] * 10_000).cap(DEFAULT) == LEAST
