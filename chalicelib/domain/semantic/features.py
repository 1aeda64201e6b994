"""What the verifier weighs, as one row of numbers for a pair; the same row for the pair the other way round."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise, product
from typing import Final

import numpy as np
import numpy.typing as npt

from chalicelib.domain.semantic import word_lists as lists
from chalicelib.domain.semantic.guards import Signs
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.parts import Word
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.stems import shared
from chalicelib.domain.semantic.vocabulary import Vocabulary

WordVectors = Callable[[Sequence[str]], npt.NDArray[np.float32]]  # a unit vector for each word, or all zeros

NAMES: Final = (
    "cosine", "jaccard", "idf_jaccard", "coverage_less", "coverage_more", "rarest_less", "rarest_more", "only_less",
    "only_more", "minor_less", "minor_more", "trigram_cosine", "length_ratio", "words_less", "words_more", "slips",
    "numbers_differ", "number_added", "negation_differs", "opposites", "names_differ", "name_added",
    "reversed_direction", "kinds_clash", "same_kind", "kind_less", "kind_more", "aligned_less", "aligned_more",
    "loosest_less", "loosest_more", "same_words", "moved", "names_moved", "passive", "symmetric", "comparing",
    "tenses_differ", "duties_differ", "persons_differ", "phrase_added", "before_shared", "same_start", "closeness",
    "alike", "governed_apart",
)  # fmt: skip
_KINDS: Final = ("yesno", "do", "how", "what", "which", "why", "who", "where", "when", "amount", "other")
_FIRST_PERSON: Final = frozenset({"i", "me", "my", "we", "our"})
_SECOND_PERSON: Final = frozenset({"you", "your"})


def row(pair: Match, found: Signs, cosine: float, vocabulary: Vocabulary, vectors: WordVectors) -> list[float]:
    """One number for each of `NAMES`."""
    weights = _weights(pair, vocabulary)
    aligned = _alignment(pair, vocabulary, vectors)
    left, right = pair.left, pair.right
    lengths = sorted((len(left.words), len(right.words)))
    kinds = sorted((_KINDS.index(left.kind), _KINDS.index(right.kind)))
    trigrams = math.sqrt(len(left.trigrams) * len(right.trigrams))
    return [
        cosine,
        *weights,
        *_sorted(len(pair.only_left), len(pair.only_right)),
        *_sorted(len(pair.laid.minor_left), len(pair.laid.minor_right)),
        len(left.trigrams & right.trigrams) / trigrams if trigrams else 0.0,
        lengths[0] / lengths[1] if lengths[1] else 0.0,
        *lengths,
        pair.laid.slips,
        found.numbers_differ,
        found.number_added,
        found.negation_differs,
        found.opposites,
        found.names_differ,
        found.name_added,
        found.reversed_direction,
        found.kinds_clash,
        left.kind == right.kind,
        *kinds,
        *aligned[:4],
        *_order(pair),
        *_grammar(left, right),
        *_added(pair),
        float(left.kind == right.kind and _starts(left) == _starts(right)),
        aligned[4],
        _alike(pair),
        _governed_apart(pair),
    ]


def _sorted(one: float, other: float) -> tuple[float, float]:
    return (one, other) if one <= other else (other, one)


def _weights(pair: Match, vocabulary: Vocabulary) -> tuple[float, ...]:
    """Overlap: of words, by rarity, of each side; and the rarest word that each side has alone."""
    left, right = _content(pair.left), _content(pair.right)
    alone_left = _rarities(pair.only_left, vocabulary)
    alone_right = _rarities(pair.only_right, vocabulary)
    all_left = sum(vocabulary.rarity(stem) for stem in left)
    all_right = sum(vocabulary.rarity(stem) for stem in right)
    kept_left, kept_right = all_left - sum(alone_left), all_right - sum(alone_right)
    shared = (kept_left + kept_right) / 2
    either = shared + sum(alone_left) + sum(alone_right)
    alone = len(pair.only_left) + len(pair.only_right)
    words = (len(left) + len(right) - alone) / 2
    return (
        words / (words + alone) if words + alone else 1.0,
        shared / either if either else 1.0,
        *_sorted(kept_left / all_left if all_left else 1.0, kept_right / all_right if all_right else 1.0),
        *_sorted(max(alone_left, default=0.0), max(alone_right, default=0.0)),
    )


def _content(reading: Reading) -> set[str]:
    return {word.stem for word in reading.words if word.lower not in lists.STOP}


def _rarities(words: Iterable[Word], vocabulary: Vocabulary) -> list[float]:
    return [vocabulary.rarity(word.stem) for word in words]


def _alignment(pair: Match, vocabulary: Vocabulary, vectors: WordVectors) -> tuple[float, ...]:
    """For the words of each side alone: how near the other comes to them, and to each other."""
    left = _side(pair.only_left, pair.right, vocabulary, vectors)
    right = _side(pair.only_right, pair.left, vocabulary, vectors)
    closeness = 1.0
    if pair.only_left and pair.only_right:
        ours, theirs = vectors([w.lower for w in pair.only_left]), vectors([w.lower for w in pair.only_right])
        closeness = float((ours.sum(axis=0) @ theirs.sum(axis=0)) / (_length(ours) * _length(theirs) + 1e-9))
    elif pair.only_left or pair.only_right:
        closeness = -1.0
    return (*_sorted(left[0], right[0]), *_sorted(left[1], right[1]), closeness)


def _length(vectors: npt.NDArray[np.float32]) -> float:
    return float(np.linalg.norm(vectors.sum(axis=0)))


def _side(alone: Sequence[Word], other: Reading, vocabulary: Vocabulary, vectors: WordVectors) -> tuple[float, float]:
    against = [word.lower for word in other.words if word.lower not in lists.STOP]
    if not alone:
        return 1.0, 1.0
    if not against:
        return 0.0, 0.0
    nearest = (vectors([word.lower for word in alone]) @ vectors(against).T).max(axis=1)
    rarities = np.array(_rarities(alone, vocabulary))
    return float(nearest @ rarities / rarities.sum()), float(nearest.min())


def _order(pair: Match) -> tuple[float, ...]:
    """Whether the words are the same, how many of those in common moved, and whether names did."""
    ways = [(pair.left, pair.right), (pair.right, pair.left)]
    content = max(_inverted(_places(one, other, lambda word: word.lower not in lists.STOP)) for one, other in ways)
    names = max(_inverted(_places(one, other, lambda word: word.is_name)) for one, other in ways)
    same = not (pair.only_left or pair.only_right)
    return float(same), content, float(names > 0)


def _places(one: Reading, other: Reading, counts: Callable[[Word], bool]) -> list[int]:
    """Where in `other` the words that both have stand, in the order of `one`."""
    shared = [word.stem for word in other.words if word.stem in one.stems]
    places = {stem: place for place, stem in reversed(list(enumerate(shared)))}
    return [places[word.stem] for word in one.words if word.stem in other.stems and counts(word)]


def _inverted(places: Sequence[int]) -> float:
    steps = list(pairwise(places))
    return sum(later < earlier for earlier, later in steps) / len(steps) if steps else 0.0


def _grammar(left: Reading, right: Reading) -> tuple[float, ...]:
    """Voice, relations that hold both ways, comparisons; and whether tense, duty and person are the same."""
    ours, theirs = _lowers(left), _lowers(right)
    both = ours & theirs
    return (
        float(("by" in ours) != ("by" in theirs)),
        float(bool(both & lists.SYMMETRIC)),
        float(bool(both & lists.COMPARING)),
        float(_tense(ours) != _tense(theirs)),
        float(_duty(ours) != _duty(theirs)),
        float(
            (bool(ours & _FIRST_PERSON) != bool(theirs & _FIRST_PERSON))
            or (bool(ours & _SECOND_PERSON) != bool(theirs & _SECOND_PERSON))
        ),
    )


def _lowers(reading: Reading) -> frozenset[str]:
    return frozenset(word.lower for word in reading.words)


def _tense(words: frozenset[str]) -> tuple[bool, bool]:
    return bool(words & lists.PASTS), bool(words & lists.FUTURES)


def _duty(words: frozenset[str]) -> tuple[bool, bool]:
    return bool(words & lists.DUTIES), bool(words & lists.POSSIBILITIES)


def _added(pair: Match) -> tuple[float, float]:
    """Whether one side alone has more, behind a preposition or before a word of both: a narrower question."""
    if bool(pair.only_left) == bool(pair.only_right):
        return 0.0, 0.0
    longer, alone = (pair.left, pair.only_left) if pair.only_left else (pair.right, pair.only_right)
    stems = {word.stem for word in alone}
    phrase = before = 0
    for one, two in pairwise(longer.words):
        phrase += one.lower in lists.PREPOSITIONS and two.stem in stems
        before += one.stem in stems and two.stem not in stems and two.lower not in lists.STOP
    return float(phrase), float(before)


def _alike(pair: Match) -> float:
    """How much of a word of one side alone begins one of the other: forms of one word, rather than two words."""
    pairs = product((word.lower for word in pair.only_left), (word.lower for word in pair.only_right))
    shares = [shared(*both) / max(map(len, both)) for both in pairs]
    return max(shares, default=0.0)


def _governed_apart(pair: Match) -> float:
    """The share of the words in common that play another part: behind another preposition, or behind none."""
    left, right = ({part.stem: part.governor for part in each.parts} for each in (pair.left, pair.right))
    both = left.keys() & right.keys()
    return sum(left[word] != right[word] for word in both) / len(both) if both else 0.0


def _starts(reading: Reading) -> str:
    return reading.words[0].stem if reading.words else ""
