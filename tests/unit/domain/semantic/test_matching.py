import numpy as np
import pytest

from chalicelib.domain.semantic.matching import is_double, is_slip
from chalicelib.domain.semantic.stems import stem
from chalicelib.domain.semantic.vocabulary import Vocabulary, bucket

NOTHING_KNOWN = Vocabulary(np.zeros(8, np.uint8))
COMMON = 50
LONG = "abcdefgh" * 5


def knowing(*words):
    table = np.zeros(1 << 12, np.uint8)
    for word in words:
        table[bucket("=" + word, len(table))] = table[bucket(stem(word), len(table))] = COMMON
    return Vocabulary(table)


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("kitchen", "kitchn", True),
        ("kitchen", "itchen", True),
        ("kitchen", "chicken", False),
        ("own", "owl", False),
        (LONG, LONG[:-2] + "zg", True),
        (LONG + "abcdefgh", LONG + "abcdefzg", False),
        ("ab" * 250, "ab" * 249 + "aa", False),
    ],
)
def test_a_slip_is_looked_for_in_words_of_a_length_that_words_have(one, other, slip):
    assert is_slip(one, other, knowing(one)) is slip
    assert is_slip(other, one, knowing(one)) is slip


@pytest.mark.parametrize(("one", "other"), [("celecoxib", "celecoxab"), ("kitchen", "kitchin")])
def test_two_words_are_two_where_both_or_neither_is_known(one, other):
    assert not is_slip(one, other, NOTHING_KNOWN)
    assert not is_slip(one, other, knowing(one, other))


@pytest.mark.parametrize(("one", "other"), [("pomade", "pomdae"), ("zoloft", "zooloft"), ("mould", "mold")])
def test_what_has_the_same_letters_is_the_same_word_though_nobody_knows_it(one, other):
    assert is_slip(one, other, NOTHING_KNOWN)
    assert not is_double(one, other, NOTHING_KNOWN)


@pytest.mark.parametrize(
    ("one", "other", "double"),
    [
        ("celecoxib", "celecoxab", True),
        ("sprintf", "snprintf", True),
        ("sulfite", "sulfate", True),
        ("nitrous", "nitric", True),
        ("gravitons", "graviton", False),
        ("militant", "militancy", False),
        ("harbour", "festival", False),
    ],
)
def test_words_that_nobody_knows_and_that_look_alike_are_two(one, other, double):
    assert is_double(one, other, NOTHING_KNOWN) is double
    assert is_double(other, one, NOTHING_KNOWN) is double
