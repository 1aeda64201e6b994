"""Two readings laid side by side: which words of each have no counterpart in the other."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from msgspec import Struct

from chalicelib.domain.semantic.names import NAMES
from chalicelib.domain.semantic.reading import Reading, Word
from chalicelib.domain.semantic.stems import stem
from chalicelib.domain.semantic.vocabulary import Vocabulary
from chalicelib.domain.semantic.word_lists import ALIASES, STOP

_SHORTEST_SLIP: Final = 4  # letters: of a shorter word, one other letter makes another word
_TWO_SLIPS: Final = 8
_LONGEST_SLIP: Final = 40  # of a longer one, the letters would take longer to compare than a lookup may


class Match(Struct, frozen=True):
    """The words of each side that the other lacks, function words apart, and the slips that were forgiven."""

    left: Reading
    right: Reading
    only_left: tuple[Word, ...]
    only_right: tuple[Word, ...]
    minor_left: tuple[Word, ...]
    minor_right: tuple[Word, ...]
    slips: int


def match(left: Reading, right: Reading, vocabulary: Vocabulary) -> Match:
    """Pair the words of `left` and `right` that are the same but for grammar, another name or a slip."""
    only_left, only_right = _missing(left, right), _missing(right, left)
    minor_left, minor_right = _stop(only_left), _stop(only_right)
    rest_left, rest_right = _rest(only_left), _rest(only_right)
    slips = 0
    for word in rest_left.copy():
        twin = next((other for other in rest_right if is_slip(word.lower, other.lower, vocabulary)), None)
        if twin is not None:
            rest_left.remove(word)
            rest_right.remove(twin)
            slips += 1
    rest_left, rest_right = _unjoined(rest_left, right), _unjoined(rest_right, left)
    return Match(left, right, tuple(rest_left), tuple(rest_right), minor_left, minor_right, slips)


def _missing(here: Reading, there: Reading) -> list[Word]:
    found: dict[str, Word] = {}
    others = {_plain(word) for word in there.words}
    for word in here.words:
        if word.stem not in there.stems and _plain(word) not in others:
            found.setdefault(word.stem, word)
    return list(found.values())


def _plain(word: Word) -> str:
    """The stem of a word, or of what it is another name of."""
    return stem(ALIASES[word.lower]) if word.lower in ALIASES else word.stem


def _stop(words: Iterable[Word]) -> tuple[Word, ...]:
    return tuple(word for word in words if word.lower in STOP)


def _rest(words: Iterable[Word]) -> list[Word]:
    return [word for word in words if word.lower not in STOP]


def _unjoined(words: list[Word], other: Reading) -> list[Word]:
    """`words` but those that `other` writes as two, or whose two are one there."""
    if not words:
        return words
    texts = [word.lower for word in other.words]
    pairs = {one + two for one, two in pairwise(texts)}
    whole = set(texts)
    kept = [word for word in words if word.lower not in pairs]
    joined = {word.lower for one, two in pairwise(kept) if one.lower + two.lower in whole for word in (one, two)}
    return [word for word in kept if word.lower not in joined]


def is_slip(one: str, other: str, vocabulary: Vocabulary) -> bool:
    """Whether the two differ as a slip of the fingers would make them, and not both are words of their own."""
    short, long = sorted((len(one), len(other)))
    if not _SHORTEST_SLIP <= short <= _LONGEST_SLIP or long - short > 1 + (short >= _TWO_SLIPS):
        return False
    if not (one.isalpha() and other.isalpha()):
        return False
    if len(set(one) ^ set(other)) > (4 if short >= _TWO_SLIPS else 2):
        return False
    if (vocabulary.knows(one) and vocabulary.knows(other)) or (one in NAMES and other in NAMES):
        return False
    return distance(one, other) <= (2 if short >= _TWO_SLIPS else 1)


def distance(one: str, other: str) -> int:
    """How many letters were dropped, added, changed, or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, against in enumerate(other, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != against))
            if row > 1 < column and letter == other[column - 2] and one[row - 2] == against:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
