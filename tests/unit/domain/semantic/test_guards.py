import numpy as np
import pytest

from chalicelib.domain.semantic.guards import Signs, veto
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import read
from chalicelib.domain.semantic.vocabulary import Vocabulary

NOTHING_KNOWN = Vocabulary(np.zeros(8, np.uint8))


def guard(one, other, protected=()):
    pair = Match(read(one, NOTHING_KNOWN), read(other, NOTHING_KNOWN))
    return veto(pair, Signs(pair), frozenset(protected))


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        ("How do I run 5 km?", "How do I run 10 km?", "number"),
        ("How do I run 5 km?", "How do I run 5 miles?", "number"),
        ("Can I live on $500 a month?", "Can I live on €500 a month?", "number"),
        ("Should I take two or three pills?", "Should I take two or four pills?", "number"),
        ("Is it legal to park here?", "Is it not legal to park here?", "negation"),
        ("Delete the rows with a key", "Don't delete the rows with a key", "negation"),
        ("Why do plants grow in soil?", "Why do plants not grow in soil?", "negation"),
        ("What is the best phone?", "What is the worst phone?", "opposite"),
        ("Coffee with sugar: is it healthy?", "Coffee without sugar: is it healthy?", "opposite"),
        ("How do I increase the volume?", "How do I decrease the volume?", "opposite"),
        ("Is it legal to park here?", "Is it illegal to park here?", "opposite"),
        ("What should I eat before a race?", "What should I eat after a race?", "opposite"),
        ("How is the weather in Zagreb?", "How is the weather in Tirana?", "name"),
        ("how is life in kenya", "how is life in norway", "name"),
        ("How do I reset my iPhone?", "How do I reset my Samsung?", "name"),
        ("How long is a flight from Oslo to Rome?", "How long is a flight from Rome to Oslo?", "direction"),
        ("How do I convert feet to metres?", "How do I convert metres to feet?", "direction"),
        ("When did the war in Europe end?", "Where did the war in Europe end?", "question"),
    ],
)
def test_a_change_that_changes_the_answer_is_vetoed(one, other, name):
    assert guard(one, other) == name
    assert guard(other, one) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I run 5 km?", "How do I run five kilometres?"),
        ("Which laptop is best under 30k?", "Which laptop is best under 30000?"),
        ("Which one of the 2 is better?", "Which of the two is better?"),
        ("Where can I find the first edition?", "Where can I find the 1st edition?"),
        ("How can I become a person who is not polite?", "How can I become an impolite person?"),
        ("Who won the election in the USA?", "Who won the American election?"),
        ("What is the GRE?", "What is the Graduate Record Examination?"),
        ("How do I learn Python?", "How do I learn Python in Kenya?"),
        ("How far is Rome from Oslo?", "How far is it from Oslo to Rome?"),
        ("Can you tell me how to fix a flat tyre?", "how to fix a flat tyre"),
        ("WHAT IS THE BEST PHONE FOR MY MOTHER?", "what is the best phone for my mother"),
    ],
)
def test_a_change_that_keeps_the_answer_is_not_vetoed(one, other):
    assert guard(one, other) is None
    assert guard(other, one) is None


def test_a_negation_is_left_to_the_verifier_where_more_was_changed():
    assert guard("Why do most locals not watch plays?", "What makes locals prefer films over plays?") is None


def test_a_protected_term_must_be_on_both_sides_or_on_none():
    assert guard("How do I cancel Tier Gold?", "How do I cancel?", ["tier gold"]) == "protected_term"
    assert guard("How do I cancel tier gold?", "Can I cancel Tier Gold?", ["tier gold"]) is None
