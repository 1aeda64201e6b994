"""Which way round: from where to where, who did it to whom, and what is compared with what."""

from __future__ import annotations

import re
from itertools import pairwise, product
from typing import Final

from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.parts import Word
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.stems import stem
from chalicelib.domain.semantic.word_lists import STOP, set_of

_FROM_TO: Final = re.compile(r"\bfrom (?P<source>.+?) (?:to|into) (?P<target>.+)")
_TO_FROM: Final = re.compile(r"\b(?:to|into) (?P<target>.+?) from (?P<source>.+)")
_X_TO_Y: Final = re.compile(
    r"\b(?:convert|turn|change|translate|transfer|switch|move|migrate|go|travel|exchange)\w* (?P<source>.+?)"
    r" (?:to|into) (?P<target>.+)"
)
_SUM: Final = re.compile(
    r"\b(?:subtract|deduct|divide|multiply|split|minus|take)\w* (?P<source>.+?) (?:from|by) (?P<target>.+)"
)
_HEAD: Final = 3  # words of the target that say where to


def is_reversed(pair: Match) -> bool:
    """Whether what stands at one end on one side stands at the other end on the other."""
    ways = _ways(pair.left)
    if ways and any(_swapped(one, other) for one, other in product(ways, _ways(pair.right))):
        return True
    if pair.only_left or pair.only_right:
        return False
    if {_end(pair.left), _end(pair.right)} == {"to", "from"}:
        return True
    return _turned_about(pair.left, pair.right) or _asked_of_the_other(pair.left, pair.right)


def _end(reading: Reading) -> str:
    """Whether it goes "to" or "from" something; empty where it does both, or neither."""
    ends = [word.lower for word in reading.words if word.lower in {"to", "from"}]
    return ends[0] if len(ends) == 1 else ""


_Way = tuple[str, set[str], set[str]]


def _ways(reading: Reading) -> list[_Way]:
    text = " ".join([word.lower for word in reading.words])
    found = []
    for kind, pattern in (("go", _FROM_TO), ("go", _TO_FROM), ("go", _X_TO_Y), ("sum", _SUM)):
        if way := pattern.search(text):
            source, target = way["source"].split(), way["target"].split()
            head = source[-_HEAD:] if pattern is _TO_FROM else source
            found.append((kind, set(head), set(target[:_HEAD])))
    return found


def _swapped(one: _Way, other: _Way) -> bool:
    (kind, source, target), (other_kind, other_source, other_target) = one, other
    crossed = bool((source & other_target) - target) and bool((target & other_source) - source)
    return kind == other_kind and crossed


# Verbs that do not hold the other way round.
_ONE_WAY: Final = frozenset(
    stem(verb)
    for verb in set_of("""
    beat defeat kill murder love hate hire fire sue sued buy acquire attack invade owe teach follow bite eat hit push
    call cause precede contain report trust betray leave chase catch help pay copy own control support
    send give tell answer inspire influence affect prevent produce require imply include use create invent than""")
)


def _turned_about(left: Reading, right: Reading) -> bool:
    """Whether the same words stand on the other side of a verb, both in the active voice or both in the passive."""
    passive = ["by" in {word.lower for word in reading.words} for reading in (left, right)]
    if passive[0] != passive[1]:
        return False
    for pivot in _ONE_WAY & left.stems & right.stems:
        before, after = _around(left.words, pivot)
        other_before, other_after = _around(right.words, pivot)
        if (before & other_after) - other_before and (after & other_before) - other_after:
            return True
    return False


def _around(words: tuple[Word, ...], pivot: str) -> tuple[set[str], set[str]]:
    place = next(place for place, word in enumerate(words) if word.stem == pivot)
    sides = words[:place], words[place + 1 :]
    before, after = ({word.stem for word in side if word.lower not in STOP} for side in sides)
    return before, after


_ASKING: Final = frozenset({"who", "whom", "what"})
_DOING: Final = frozenset({"do", "does", "did"})
_NEITHER: Final = frozenset({"mean", "stand", "happen", "call"})


def _asked_of_the_other(left: Reading, right: Reading) -> bool:
    """Whether one asks who did it, and the other to whom it was done: "Who saw Ann", "Who did Ann see"."""
    orders = [[word.stem for word in reading.words if word.lower not in STOP] for reading in (left, right)]
    asked = {_asks_for(reading) for reading in (left, right)}
    return orders[0] != orders[1] and asked == {"subject", "object"} and not _NEITHER & left.stems


def _asks_for(reading: Reading) -> str:
    for word, following in pairwise(reading.words):
        if word.lower in _ASKING:
            if following.lower in _DOING:
                return "object"
            return "" if following.lower in STOP else "subject"
    return ""
