"""Hard pairs, judged by all that ships: of each line the second question must not be given the first one's answer, and
the third, which asks the same, must.
"""

from collections import defaultdict
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.verifier.judge import ShippedJudge
from chalicelib.domain.dependence import comparable
from chalicelib.domain.entries import AnswerScope, Neighbour
from chalicelib.domain.verdicts import Knobs

SCOPE = AnswerScope("acme", "*", "small", "p", "wordllama")


def by_kind():
    kinds = defaultdict(list)
    for line in Path(__file__).with_name("hard.txt").read_text().splitlines():
        if line.startswith("# "):
            kind = line.removeprefix("# ")
        else:
            kinds[kind].append(tuple(line.split(" | ")))
    return kinds


HARD = by_kind()
JUDGE, EMBEDDER = ShippedJudge(WordVectors()), WordLlamaEmbedder()


@cache
def vector(text):
    return np.frombuffer(EMBEDDER.embed([text]).vectors[0], "<f4")


def serves(stored, asked):
    near = Neighbour("1", SCOPE, stored, "answer", 0, 1, float(vector(stored) @ vector(asked)))
    return comparable(asked) and JUDGE.judge(asked, [near], None, Knobs()).serve


@pytest.mark.parametrize("kind", HARD)
def test_no_trap_is_served_whichever_of_the_two_is_stored(kind):
    assert [(one, trap) for one, trap, _ in HARD[kind] if serves(one, trap) or serves(trap, one)] == []


@pytest.mark.parametrize("kind", HARD)
def test_its_harmless_twin_is_served_whichever_of_the_two_is_stored(kind):
    assert [(one, twin) for one, _, twin in HARD[kind] if not (serves(one, twin) and serves(twin, one))] == []


def test_there_are_traps_enough():
    assert sum(map(len, HARD.values())) >= 200
