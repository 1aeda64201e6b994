"""Pairs of questions that look alike: traps, each of which a guard must forbid, and paraphrases that none may."""

from collections import defaultdict
from pathlib import Path

import pytest

from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.semantic.guards import Signs, veto
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import read
from chalicelib.domain.semantic.vocabulary import Vocabulary

SHIPPED = Vocabulary(load().vocabulary)


def by_kind(name):
    """The pairs of a file; a line `# kind` stands above those of each kind, and a bar between the two questions."""
    kinds = defaultdict(list)
    for line in Path(__file__).with_name(name).read_text().splitlines():
        if line.startswith("# "):
            kind = line.removeprefix("# ")
        else:
            kinds[kind].append(tuple(line.split(" | ")))
    return kinds


TRAPS, PARAPHRASES = by_kind("traps.txt"), by_kind("paraphrases.txt")


def guard(one, other):
    pair = Match(read(one, SHIPPED), read(other, SHIPPED))
    return veto(pair, Signs(pair), frozenset())


@pytest.mark.parametrize("kind", TRAPS)
def test_every_trap_is_vetoed_whichever_of_the_two_is_stored(kind):
    assert [pair for pair in TRAPS[kind] if guard(*pair) is None or guard(*pair[::-1]) is None] == []


@pytest.mark.parametrize("kind", PARAPHRASES)
def test_no_paraphrase_is_vetoed_whichever_of_the_two_is_stored(kind):
    assert [pair for pair in PARAPHRASES[kind] if guard(*pair) or guard(*pair[::-1])] == []


def test_there_are_pairs_enough():
    assert sum(map(len, TRAPS.values())) >= 200
    assert sum(map(len, PARAPHRASES.values())) >= 150
