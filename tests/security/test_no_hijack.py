"""Texts made to collide with a victim's question: no answer crosses to another principal, in either direction.

The offline embedder sums a vector for each token, so that collisions are cheap: the same words in another order have
a cosine of 1, and a greedy search finds other words that come near. The attacker knows the embedder, the victim's
question and the judge. From another principal all that is worth nothing, even before a judge who believes everything.

Within one scope, among users of a tenant that shares its answers, guards and verifier decide. They let none of 30 texts
of other words through, and three of them together for one question of ten, where a fit learned that stored questions
with one answer speak for each other. Of those that hold the question itself, 4 of 10 with words added and 35 of 40 in
another order passed: an order is no veto, since that would cost many true hits, and only a colleague could do it.
"""

import random
import re
from functools import cache

import numpy as np
import pytest

from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WEIGHTS, WordLlamaEmbedder
from chalicelib.adapters.verifier.judge import ShippedJudge
from chalicelib.adapters.verifier.weights import open_verifier
from chalicelib.domain.semantic.decision import decide
from chalicelib.domain.verdicts import TERMS, Calibration, Candidate, Knobs
from tests.security.indexes import INDEXES
from tests.security.tenants import Tenant, Town

VICTIMS = (
    "How do I boil an egg?",
    "What is the capital of France?",
    "How do I reset the password of an account?",
    "Who won the world cup in 2014?",
    "What is the refund policy for damaged goods?",
    "How long is a flight from London to New York?",
    "What is the best way to learn Python?",
    "Is it legal to park on the pavement in Spain?",
    "How much does a passport cost in Canada?",
    "Why do plants need light to grow?",
)
VICTIM, ATTACKER = Tenant("acme", "ada", shares=False), Tenant("evil", "eve", shares=False)
COLLEAGUE = Tenant("acme", "eve", shares=False)
SHARING = Tenant("acme", "ada", shares=True), Tenant("acme", "eve", shares=True)
WORDS = 6_000
MOST_WITHIN = 1  # of 30
SURE = tuple((0.0,) * TERMS for _ in range(TERMS))
TAUGHT = Calibration((7.2, 0.6, -16.0, 13.4, -0.6, 0.3), SURE, 0.9)  # about what Banking77's questions teach


def vector(text):
    return np.frombuffer(WordLlamaEmbedder().embed([text]).vectors[0], "<f4")


@cache
def lexicon():
    """Words that the embedder has a token for, and the vector of each."""
    with np.load(WEIGHTS, allow_pickle=False) as stored:
        tokens = stored["vocabulary"].tobytes().decode().split("\0")
    words = [token[1:] for token in tokens if re.fullmatch("\u2581[a-z]{3,}", token)][:WORDS]
    return words, np.array([vector(word) for word in words])


def collided(question, length):
    """Greedily, the words whose sum points where the question does, none of them its own."""
    words, rows = lexicon()
    target, total, chosen = vector(question), np.zeros(256, "f4"), []
    free = np.array([word not in question.casefold() for word in words])
    for _ in range(length):
        sums = total + rows
        cosines = sums @ target / np.linalg.norm(sums, axis=1)
        best = int(np.argmax(np.where(free, cosines, -2)))
        chosen.append(words[best])
        total, free[best] = sums[best], False
    return " ".join(chosen)


def attacks(question):
    """Collisions by name: the same words in other orders, other words, and both."""
    words = question.rstrip("?").split()
    yield "turned", " ".join(reversed(words)) + "?"
    for seed in range(3):
        yield "shuffled", " ".join(random.Random(seed).sample(words, len(words))) + "?"
    for length in (8, 16, 32):
        yield "found", collided(question, length)
    yield "hidden", f"{question} {collided(question, 8)}"
    yield "doubled", f"{question} {question}"
    yield "same", question


ATTACKS = [(question, kind, text) for question in VICTIMS for kind, text in attacks(question)]


def crossed(index, patch, one, other, judge=None):
    """Which attacks let the one be served what the other was answered."""
    through = []
    for question, kind, text in ATTACKS:
        town = Town(*INDEXES[index](patch, ()), judge)
        town.teach(one, text if one.user == "eve" else question)
        asked = question if one.user == "eve" else text
        _, said = town.ask(town.opened(other, asked))
        through += [kind] * bool(said)
    return through


def test_the_collisions_are_collisions():
    cosines = {}
    for question, kind, text in ATTACKS:
        cosines.setdefault(kind, []).append(float(vector(text) @ vector(question)))

    assert min(cosines["turned"] + cosines["doubled"]) > 0.9
    assert np.median(cosines["found"]) > 0.7
    assert len(ATTACKS) == 100


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("foreign", [ATTACKER, COLLEAGUE], ids=lambda each: each.name)
def test_no_collision_reads_anothers_answer(index, foreign, monkeypatch):
    assert crossed(index, monkeypatch, VICTIM, foreign) == []


@pytest.mark.parametrize("index", INDEXES)
@pytest.mark.parametrize("foreign", [ATTACKER, COLLEAGUE], ids=lambda each: each.name)
def test_no_collision_puts_an_answer_into_anothers_mouth(index, foreign, monkeypatch):
    assert crossed(index, monkeypatch, foreign, VICTIM) == []


def test_before_a_judge_who_believes_everything_they_would_pass_within_a_scope(monkeypatch):
    assert len(crossed("flat", monkeypatch, *reversed(SHARING))) > 80


def test_guards_and_verifier_let_hardly_any_other_words_pass_within_a_scope(monkeypatch):
    through = crossed("flat", monkeypatch, *reversed(SHARING), judge=ShippedJudge(WordVectors()))

    assert through.count("same") == len(VICTIMS)
    assert through.count("found") <= MOST_WITHIN


def test_a_fit_that_learned_to_believe_seconds_lets_hardly_any_other_words_pass_together():
    verifier = open_verifier(WordVectors())
    through = 0
    for question in VICTIMS:
        texts = [text for kind, text in attacks(question) if kind == "found"]
        near = [Candidate(text, text, float(vector(text) @ vector(question)), said="bait") for text in texts]
        through += decide(question, near, TAUGHT, Knobs(), verifier).serve

    assert through <= MOST_WITHIN
