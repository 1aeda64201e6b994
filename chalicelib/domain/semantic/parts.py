"""The words of a question, and the part that each plays: what it is governed by, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from chalicelib.domain.semantic.word_lists import AUXILIARIES, NEGATIONS, PREPOSITIONS, STOP, set_of

_GOVERNING: Final = (PREPOSITIONS - {"like"}) | set_of(
    "to of than as when if because while unless although though where"
)
FREEING: Final = (AUXILIARIES | set_of("what which who whom whose how why be been being")) - {"may"}
_DOING: Final = frozenset({"do", "does", "did"})
JOINING: Final = frozenset({"and", "or", "nor", "vs", "versus"})
_PERSONS: Final = {
    word: person
    for person, words in {"me": "i me myself", "us": "we us ourselves", "you": "you yourself", "them": "they them",
                          "him": "he him", "her": "she her", "anyone": "someone somebody anyone anybody"}.items()
    for word in words.split()
}  # fmt: skip
_NO_PART: Final = STOP | _GOVERNING | FREEING | JOINING | NEGATIONS
_FEW: Final = 2


class Word(NamedTuple):
    """A word as it stood, in lower case, its stem, and whether it names something."""

    text: str
    lower: str
    stem: str
    is_name: bool


class Part(NamedTuple):
    """A word, what governs it ("of", "to", nothing), and where it stands."""

    stem: str
    lower: str
    governor: str
    place: int
    capital: bool = False


def parts_of(words: Sequence[Word]) -> tuple[Part, ...]:
    """Those of `words` that play a part; a possessive is governed as by "of"."""
    found: list[Part] = []
    governor = ""
    for place, word in enumerate(words):
        lower = word.lower
        if lower in FREEING or lower.endswith("ly"):
            governor = ""
        elif lower in _GOVERNING:
            governor = lower
        if lower in _PERSONS:
            found.append(Part(f"<{_PERSONS[lower]}>", lower, governor, place))
        elif lower not in _NO_PART:
            owner = word.text.lower().endswith("'s")
            found.append(Part(word.stem, lower, "of" if owner else governor, place, word.text[0].isupper()))
    return tuple(_with_verb(found, words))


def _with_verb(found: list[Part], words: Sequence[Word]) -> list[Part]:
    """`found`, where a verb at the end is not of what stands before it: "What does a pound of rice cost"."""
    if len(found) < _FEW or found[-1].governor != "of" or not _DOING & {word.lower for word in words}:
        return found
    *before, last = found
    run = before[-1].governor == "of" and before[-1].place == last.place - 1
    return [*before, last._replace(governor="")] if run else found
