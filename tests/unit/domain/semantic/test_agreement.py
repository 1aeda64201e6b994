"""Pairs of answers as models give them; cosines by the offline embedder."""

import numpy as np
import pytest

from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.semantic.agreement import agree
from chalicelib.domain.semantic.vocabulary import Vocabulary

BOILED = "Boil the egg for 7 minutes, then put it in cold water."
RESET = "To reset your password, open Settings, choose Security and click Reset password. You will get an email."
RICE = "Yes, you can freeze cooked rice for up to a month."
FEE = "Card payments abroad are free of charge."
SAME = [
    (BOILED, BOILED.upper() + "!"),
    (BOILED, "Put an egg into boiling water for about seven minutes and cool it in cold water."),
    (RESET, "Go to Settings > Security, click on 'Reset password', and follow the link in the email you receive."),
    (RICE, "Yes. Cooked rice freezes well; keep it for up to one month in an airtight container."),
]
OTHER = [
    (BOILED, BOILED.replace("7", "9")),
    (BOILED, "Fry the egg in butter for three minutes until the white is firm."),
    (RESET, RESET.replace("To reset your password", "To change your email").replace("Reset password", "Email")),
    (RICE, RICE.replace("Yes, you can", "No, you cannot")),
    (FEE, FEE.replace("are free", "are not free")),
    ("The capital of France is Paris.", "The capital of Italy is Rome."),
    (RICE, RESET),
]
NOBODY_KNOWS = [
    ("Python lists are mutable, tuples are immutable.", "A list in Python can be changed, while a tuple cannot."),
    (" ".join([BOILED] * 5), " ".join([BOILED.replace("7", "9")] * 5)),
]


def agreed(fresh, stored):
    one, other = (np.frombuffer(each, "<f4") for each in WordLlamaEmbedder().embed([fresh, stored]).vectors)
    return agree(fresh, stored, float(one @ other), Vocabulary(load().vocabulary))


@pytest.mark.parametrize(("fresh", "stored"), SAME)
def test_answers_that_say_the_same_agree(fresh, stored):
    assert agreed(fresh, stored) is True
    assert agreed(stored, fresh) is True


@pytest.mark.parametrize(("fresh", "stored"), OTHER)
def test_answers_that_say_another_thing_do_not(fresh, stored):
    assert agreed(fresh, stored) is not True
    assert agreed(fresh, stored) is agreed(stored, fresh)


@pytest.mark.parametrize(("fresh", "stored"), [pair for pair in OTHER if pair[0] != RESET])
def test_most_of_them_are_told_to_be_wrong(fresh, stored):
    assert agreed(fresh, stored) is False


@pytest.mark.parametrize(("fresh", "stored"), NOBODY_KNOWS)
def test_what_cannot_be_told_teaches_nothing(fresh, stored):
    assert agreed(fresh, stored) is None
