import numpy as np
import pytest

from chalicelib.domain.semantic.matching import is_slip
from chalicelib.domain.semantic.vocabulary import Vocabulary

NOTHING_KNOWN = Vocabulary(np.zeros(8, np.uint8))


@pytest.mark.parametrize(
    ("one", "other", "slip"),
    [
        ("kitchen", "kitchn", True),
        ("kitchen", "chicken", False),
        ("own", "owl", False),
        ("abcdefgh" * 5, "abcdefgh" * 4 + "abcdefhg", True),
        ("abcdefgh" * 6, "abcdefgh" * 5 + "abcdefhg", False),
        ("ab" * 250, "ab" * 249 + "aa", False),
    ],
)
def test_a_slip_is_looked_for_in_words_of_a_length_that_words_have(one, other, slip):
    assert is_slip(one, other, NOTHING_KNOWN) is slip
