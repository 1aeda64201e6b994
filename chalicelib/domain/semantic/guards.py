"""Vetoes: what makes two questions different however alike they look. Each has a name, for who asks why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final

from chalicelib.domain.semantic.alternatives import apart
from chalicelib.domain.semantic.directions import is_reversed
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.names import NAMES
from chalicelib.domain.semantic.numerals import Number
from chalicelib.domain.semantic.opposites import opposed
from chalicelib.domain.semantic.parts import Word
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.roles import swapped
from chalicelib.domain.semantic.small_words import (
    bound_differs,
    particle_differs,
    person_differs,
    quantity_differs,
    restriction_differs,
    tense_differs,
)
from chalicelib.domain.semantic.stems import shared, stem
from chalicelib.domain.semantic.verbatim import spelled_apart
from chalicelib.domain.semantic.word_lists import NEGATIONS, set_of

_HARD_KINDS: Final = frozenset({"who", "where", "when", "why"})
_UNLIKE_AMOUNTS: Final = frozenset({"amount", "who", "where", "why"})
_POLAR_KINDS: Final = frozenset({"yesno", "do"})
_SAME_ROOT: Final = 4
_OF_NAMES: Final = frozenset({""}) | set_of("a an ans ian ians n ns ese ish i is ity ism ist ists y s es ean eans ic e")


class Signs:
    """What is found in a pair, before any of it is held against it, and alike for the pair the other way round.

    The verifier sees all of it; a guard that forbids serving spares what comes after it.
    """

    def __init__(self, pair: Match) -> None:
        self._pair = pair

    @property
    def numbers_differ(self) -> bool:
        """Each has a number that the other lacks, in figures or in words, or another unit."""
        missing, added = self._numbers
        return (missing and added) or _units_differ(*self._sides) or self._counts_differ

    @property
    def number_added(self) -> bool:
        missing, added = self._numbers
        return missing != added

    @property
    def negation_differs(self) -> bool:
        left, right = self._sides
        return (left.negations - right.negations) % 2 == 1

    @property
    def opposites(self) -> bool:
        return any(self._opposites)

    @property
    def cancelled(self) -> bool:
        """An opposite and a negation, which together say the same again."""
        plain, negative = self._opposites
        return _cancelled(self._pair, plain=plain, negative=negative, negated=self.negation_differs)

    @property
    def names_differ(self) -> bool:
        return all(self._names)

    @property
    def name_added(self) -> bool:
        left, right = self._names
        return left != right

    @cached_property
    def reversed_direction(self) -> bool:
        return is_reversed(self._pair) or swapped(self._pair)

    @property
    def kinds_clash(self) -> bool:
        left, right = self._sides
        return _clash(left.kind, right.kind)

    @property
    def _sides(self) -> tuple[Reading, Reading]:
        return self._pair.left, self._pair.right

    @cached_property
    def _numbers(self) -> tuple[bool, bool]:
        left, right = self._sides
        return bool(_numbers_apart(left, right)), bool(_numbers_apart(right, left))

    @cached_property
    def _counts_differ(self) -> bool:
        left, right = self._sides
        return bool(_counts_apart(left, right)) and bool(_counts_apart(right, left))

    @cached_property
    def _opposites(self) -> tuple[bool, bool]:
        return _opposites(self._pair)

    @cached_property
    def _names(self) -> tuple[bool, bool]:
        pair = self._pair
        return bool(_names(pair.only_left, pair.right)), bool(_names(pair.only_right, pair.left))


def _numbers_apart(here: Reading, there: Reading) -> list[float | str]:
    if not here.numbers:
        return []
    apart = Counter(number.value for number in here.numbers)
    apart.subtract(Counter(number.value for number in there.numbers))
    return [value for value, times in apart.items() if times > 0 and value not in there.unsure_numbers]


def _clash(one: str, other: str) -> bool:
    return one != other and any({one, other} <= unlike for unlike in (_HARD_KINDS, _UNLIKE_AMOUNTS))


def _counts_apart(here: Reading, there: Reading) -> set[float | str]:
    """As many, in figures or in words, as `there` has in neither; "a month" has as many as "one month"."""
    if not (here.numbers or here.counts):
        return set()
    known = {number.value for number in there.numbers} | there.counts
    if any(word.lower == "one" for word in here.words):
        known |= there.unsure_numbers
    return {value for value in {number.value for number in here.numbers} | here.counts if value not in known}


def _units_differ(left: Reading, right: Reading) -> bool:
    units: dict[float | str, set[str]] = _units(right.numbers)
    for value, here in _units(left.numbers).items():
        there = units.get(value)
        if there and not here & there:
            return True
    return False


def _units(numbers: Iterable[Number]) -> dict[float | str, set[str]]:
    found: dict[float | str, set[str]] = {}
    for number in numbers:
        if number.unit:
            found.setdefault(number.value, set()).add(number.unit)
    return found


def _opposites(pair: Match) -> tuple[bool, bool]:
    """Whether a word stands in place of its opposite; and whether of one that is a negation too, as "without" is."""
    fewer, more = pair.changed
    plain = opposed(fewer - NEGATIONS, more - NEGATIONS)
    return plain, opposed(fewer & NEGATIONS, more) or opposed(fewer, more & NEGATIONS)


_DEGREES: Final = frozenset(map(stem, ("more", "less", "most", "least")))


def _cancelled(pair: Match, *, plain: bool, negative: bool, negated: bool) -> bool:
    """Whether an opposite is turned back: by a negation ("with no"), or by another ("less impatient")."""
    if plain and negative:
        return False
    if plain and not negated:
        fewer, more = pair.changed
        return opposed(fewer & _DEGREES, more & _DEGREES) and opposed(fewer - _DEGREES, more - _DEGREES)
    return negated if plain else not negated


def _alternatives(pair: Match) -> bool:
    counted = bool(pair.left.numbers or pair.right.numbers)  # "24 hours", "a day"
    return apart(*pair.changed, counted=counted)


def _in_words_unknown(pair: Match) -> bool:
    """Whether a question in another language was changed at all: nothing here knows what its words do."""
    return (pair.left.foreign or pair.right.foreign) and _lowers(pair.left) != _lowers(pair.right)


def _lowers(reading: Reading) -> list[str]:
    return [word.lower for word in reading.words]


def _names(words: Iterable[Word], other: Reading) -> list[str]:
    """The names among `words` that `other` does not have in another form."""
    names = [word for word in words if word.is_name]
    if not names:
        return []
    initials = "".join(word.lower[0] for word in other.words)
    return [
        word.lower
        for word in names
        if not _same_root(word, other) and not (word.text.isupper() and word.lower in initials)
    ]


def _same_root(word: Word, other: Reading) -> bool:
    return any(
        each.is_name and _forms(each.lower, word.lower) and not (each.lower in NAMES and word.lower in NAMES)
        for each in other.words
    )


def _forms(one: str, other: str) -> bool:
    """Whether the two are a name and what is of it: "Canada", "Canadian"."""
    common = shared(one, other)
    return common >= _SAME_ROOT and {one[common:], other[common:]} <= _OF_NAMES


def _negated(signs: Signs, pair: Match) -> bool:
    """Hard for what is answered with yes or no, and for instructions; elsewhere where nothing but it was changed.

    "Not patient" and "impatient" are no difference.
    """
    if not signs.negation_differs or signs.opposites:
        return False
    polar = pair.left.kind in _POLAR_KINDS and pair.right.kind in _POLAR_KINDS
    return polar or len(pair.only_left) + len(pair.only_right) <= 1


GUARDS: Final[tuple[tuple[str, Callable[[Signs, Match], bool]], ...]] = (
    ("number", lambda signs, _: signs.numbers_differ),
    ("negation", _negated),
    ("opposite", lambda signs, _: signs.opposites and not signs.cancelled),
    ("name", lambda signs, _: signs.names_differ),
    ("double", lambda _, pair: pair.laid.doubles),
    ("direction", lambda signs, _: signs.reversed_direction),
    ("question", lambda signs, _: signs.kinds_clash),
    ("alternative", lambda _, pair: _alternatives(pair)),
    ("particle", lambda _, pair: particle_differs(pair)),
    ("tense", lambda _, pair: tense_differs(pair)),
    ("person", lambda _, pair: person_differs(pair)),
    ("quantity", lambda _, pair: quantity_differs(pair)),
    ("bound", lambda _, pair: bound_differs(pair)),
    ("restriction", lambda _, pair: restriction_differs(pair)),
    ("verbatim", lambda _, pair: spelled_apart(pair)),
    ("language", lambda _, pair: _in_words_unknown(pair)),
)


def veto(pair: Match, found: Signs, protected: frozenset[str]) -> str | None:
    """The guard that forbids serving, or None. `protected` are terms, in lower case, that both must have or lack."""
    left, right = pair.left.text.lower(), pair.right.text.lower()
    if any((term in left) != (term in right) for term in protected):
        return "protected_term"
    return next((name for name, fires in GUARDS if fires(found, pair)), None)
