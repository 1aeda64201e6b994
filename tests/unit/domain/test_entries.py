import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.entries import AnswerScope, word_for

SCOPE = AnswerScope("acme", "ada", "echo", "p1", "tiny/8")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("card_arrival", "card_arrival", True),
        ("Yes, you can.", "yes  you CAN", True),
        ("card_arrival", "card_delivery", False),
        ("Yes, you can.", "No, you can not.", False),
        ("In 1999.", "In 1998.", False),
        ("to run", "torun", False),
    ],
)
def test_two_answers_have_one_word_if_they_say_the_same_in_the_same_words(one, other, same):
    assert (word_for(SCOPE, one) == word_for(SCOPE, other)) is same


def test_another_tenant_has_another_word_for_it():
    assert word_for(SCOPE, "yes") != word_for(msgspec.structs.replace(SCOPE, tenant="globex"), "yes")


@given(st.text(alphabet=" .?!\n-…🌊"))
def test_there_is_no_word_for_an_answer_without_words(answer):
    assert word_for(SCOPE, answer) == ""


@given(st.text(min_size=1).filter(str.isalnum))
def test_no_word_is_told_by_it(answer):
    assert len(word_for(SCOPE, answer)) == 12
