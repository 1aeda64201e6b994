"""Two readings laid side by side: which words of each have no counterpart in the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import pairwise, product
from typing import Final, NamedTuple

from msgspec import Struct

from chalicelib.domain.semantic.names import NAMES
from chalicelib.domain.semantic.parts import Word
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.stems import shared, stem
from chalicelib.domain.semantic.vocabulary import RAREST, Vocabulary
from chalicelib.domain.semantic.word_lists import ALIASES, STOP, set_of

_SHORTEST_SLIP: Final = 4  # letters: of a shorter word, one other letter makes another word
_TWO_SLIPS: Final = 8
_SHORTEST_ROOT: Final = 3
_RARE: Final = 8.0  # idf: what a chemist says, and hardly anybody misspells
_COMPOUNDS: Final = set_of("ate ite ide ane ene yne ine one ol al ose ase ic ous")
_TURNING: Final = set_of("un in im il ir dis non de a")  # an opposite is looked for elsewhere
_SPELLINGS: Final = (
    ("ou", "o"),
    ("ae", "e"),
    ("oe", "e"),
    ("eable", "able"),
    ("isa", "iza"),
    ("ise", "ize"),
    ("gh", "g"),
)
_DERIVING: Final = frozenset({""}) | set_of("""
    s es er ers or ors ing ings ed d y ies al ly ic ics ist ists ism ian ion ions e ous ity ment cy t ts ance ancy ence
    ency ery ies ive able ible""")
_LONGEST_SLIP: Final = 40  # of a longer one, the letters would take longer to compare than a lookup may


class Laid(NamedTuple):
    """The words of each side that the other lacks, function words apart, and the slips that were forgiven."""

    only_left: tuple[Word, ...]
    only_right: tuple[Word, ...]
    minor_left: tuple[Word, ...]
    minor_right: tuple[Word, ...]
    slips: int
    doubles: bool  # a rare word of one stands in place of another rare word: alike to look at, or both with a capital


class Match(Struct, frozen=True, dict=True):
    """A pair, of which the words are laid side by side when that is asked for: numbers tell most pairs apart before."""

    left: Reading
    right: Reading

    @cached_property
    def laid(self) -> Laid:
        return _laid(self.left, self.right, self.left.vocabulary)

    @property
    def only_left(self) -> tuple[Word, ...]:
        return self.laid.only_left

    @property
    def only_right(self) -> tuple[Word, ...]:
        return self.laid.only_right

    @cached_property
    def changed(self) -> tuple[AbstractSet[str], AbstractSet[str]]:
        """The stems that are oftener on the left, and those that are oftener on the right."""
        left, right = self.left.counted, self.right.counted
        return _oftener(left, right), _oftener(right, left)


def _oftener(here: Mapping[str, int], there: Mapping[str, int]) -> set[str]:
    return {stem for stem, times in here.items() if times > there.get(stem, 0)}


def _laid(left: Reading, right: Reading, vocabulary: Vocabulary) -> Laid:
    """Pair the words of `left` and `right` that are the same but for grammar, another name or a slip."""
    only_left, only_right = _missing(left, right), _missing(right, left)
    minor_left, minor_right = _stop(only_left), _stop(only_right)
    rest_left, rest_right = _rest(only_left), _rest(only_right)
    slips = 0
    doubles = False
    for word in rest_left.copy():
        twin = next((other for other in rest_right if is_slip(word.lower, other.lower, vocabulary)), None)
        if twin is not None:
            rest_left.remove(word)
            rest_right.remove(twin)
            slips += 1
            doubles = doubles or is_double(word.lower, twin.lower, vocabulary)
    rest_left, rest_right = _unjoined(rest_left, right), _unjoined(rest_right, left)
    doubles = doubles or any(
        is_double(one.lower, other.lower, vocabulary) for one, other in product(rest_left, rest_right)
    )
    strangers = product(_strangers(rest_left, left, vocabulary), _strangers(rest_right, right, vocabulary))
    doubles = doubles or any(not one.startswith(other) and not other.startswith(one) for one, other in strangers)
    return Laid(tuple(rest_left), tuple(rest_right), minor_left, minor_right, slips, doubles)


def _strangers(alone: Iterable[Word], reading: Reading, vocabulary: Vocabulary) -> list[str]:
    """Words that next to nobody uses, with a capital as names have; of letters alone it may stand for a name."""
    inner = [word for word in alone if word is not reading.words[0] and word.text[1:].islower()]
    return [word.lower for word in inner if word.text[0].isupper() and vocabulary.rarity(word.stem) >= RAREST]


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
    """Whether the two differ as a slip of the fingers would make them: one alone is a word, or no letter is another."""
    if not _near(one, other, _most(one, other)) or (one in NAMES and other in NAMES):
        return False
    known = {word for word in (one, other) if vocabulary.knows(word)}
    if len(known) > 1:
        return False
    if sorted(one) == sorted(other) or _spelled(one) == _spelled(other):
        return True
    if not known or _are_compounds(one, other, known, vocabulary):
        return False
    return one[0] == other[0] or (min(len(one), len(other)) > _SHORTEST_SLIP and _rarity(known, vocabulary) < _RARE)


def is_double(one: str, other: str, vocabulary: Vocabulary) -> bool:
    """Whether the two look alike and are two: substances, names, functions of a library that nobody here knows."""
    if one[:2] != other[:2] and one[-3:] != other[-3:]:  # told soon
        return False
    known = {word for word in (one, other) if vocabulary.knows(word)}
    if _are_compounds(one, other, known, vocabulary):
        return True
    if len(known) > 1 or not _near(one, other, 2):
        return False
    if is_slip(one, other, vocabulary):  # two slips in a word that few people use are one too many
        return bool(known) and _rarity(known, vocabulary) >= _RARE and not _near(one, other, 1)
    if known:
        return False
    short, long = sorted((one, other), key=len)
    return not (set(_endings(one, other)) <= _DERIVING or long.removesuffix(short) in _TURNING)


def _rarity(known: set[str], vocabulary: Vocabulary) -> float:
    return vocabulary.rarity(stem(min(known)))


def _most(one: str, other: str) -> int:
    return 2 if min(len(one), len(other)) >= _TWO_SLIPS else 1


def _spelled(word: str) -> str:
    """`word` without the second of two equal letters, and as in American English."""
    for there, here in _SPELLINGS:
        word = word.replace(there, here)
    return "".join(letter for letter, before in zip(word, " " + word, strict=False) if letter != before)


def _near(one: str, other: str, most: int) -> bool:
    """Whether at most so many letters were dropped, added, changed or swapped; what is not is mostly told soon."""
    short, long = sorted((len(one), len(other)))
    if not _SHORTEST_SLIP <= short <= _LONGEST_SLIP or long - short > most:
        return False
    if not (one.isalpha() and other.isalpha()) or len(set(one) ^ set(other)) > 2 * most:
        return False
    return distance(one, other) <= most


def _endings(one: str, other: str) -> tuple[str, str]:
    """What follows the letters that both begin with."""
    common = shared(one, other)
    return one[common:], other[common:]


def _are_compounds(one: str, other: str, known: set[str], vocabulary: Vocabulary) -> bool:
    """Whether the two end as compounds of one element do; a misspelling of a common word may too."""
    endings = _endings(one, other)
    if not set(endings) <= _COMPOUNDS or len(one) - len(endings[0]) < _SHORTEST_ROOT:
        return False
    return len(known) != 1 or _rarity(known, vocabulary) >= _RARE


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
