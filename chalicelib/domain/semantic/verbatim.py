"""What is read letter by letter: identifiers, commands, units that tell by their case, and words asked about."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.word_lists import NEGATIONS, PREPOSITIONS, STOP, set_of

_IDENTIFIER: Final = re.compile(
    r"\b[A-Za-z_]\w+(?:(?:\.|::)[A-Za-z_]\w+)+|\b\w+(?=\(\))"
    r"|\b[a-z]+(?:[A-Z][a-z]+)+\b|(?<!\S)--?[a-zA-Z][\w-]*"
)
_PROGRAMS: Final = set_of("""
    git docker kubectl npm yarn pnpm pip apt brew conda systemctl helm terraform cargo svn adb gcloud az podman
    composer ffmpeg nginx ansible vagrant hg poetry uv dotnet mvn gradle""")
_CASED: Final = re.compile(r"[kmgtpn](?:b|w|wh|hz|v|j|pa|bps|bit)|ma|ms|mg|mm|(?-i:[mM]T)", re.IGNORECASE)
_MOST_WORDS: Final = 8  # of a question that asks about a word, and nothing else
_ABOUT_WORDS: Final = (
    PREPOSITIONS
    | NEGATIONS
    | set_of("""
    mean means meaning meanings say said saying spell spelled spelt spelling pronounce pronounced pronunciation
    translate translated translation translations synonym synonyms antonym antonyms opposite word words phrase phrases
    real true exact actual literal full correct sentence sentences definition define stand term terms called call
    explain explained refer refers use used rhyme rhymes etymology origin""")
)


def spelled_apart(pair: Match) -> bool:
    """Whether what only its letters tell stands for another."""
    return _identifiers_differ(pair) or _commands_differ(pair) or _cases_differ(pair) or _mentions_differ(pair)


def _identifiers_differ(pair: Match) -> bool:
    left = _identifiers(pair.left)
    if not left:
        return False
    right = _identifiers(pair.right)
    return bool(left - right) and bool(right - left)


def _identifiers(reading: Reading) -> set[str]:
    return {name if name[0] == "-" else name.casefold() for name in _IDENTIFIER.findall(reading.text)}


def _commands_differ(pair: Match) -> bool:
    left = _commands(pair.left)
    if not left:
        return False
    right = _commands(pair.right)
    return any(left[program].isdisjoint(right[program]) for program in left.keys() & right.keys())


def _commands(reading: Reading) -> dict[str, set[str]]:
    """What stands behind each program, in one word."""
    found: dict[str, set[str]] = {}
    for program, command in pairwise(reading.words):
        if program.lower in _PROGRAMS and command.lower not in STOP:
            found.setdefault(program.lower, set()).add(command.lower)
    return found


def _cases_differ(pair: Match) -> bool:
    """Whether a unit stands for another of the same letters: "mW", "MW"; "mb" for "MB" is only carelessly written."""
    left = _units(pair.left)
    if not left:
        return False
    right = _units(pair.right)
    return any(
        (one[0] == other[0] or one[0] in "kK") != (one[1:] == other[1:])
        for unit in left.keys() & right.keys()
        for one, other in [(left[unit], right[unit])]
        if one != other and (one[0] not in "kK" or one[1:] != other[1:])
    )


def _units(reading: Reading) -> dict[str, str]:
    return {word.lower: word.text for word in reading.words if _CASED.fullmatch(word.text)}


def _mentions_differ(pair: Match) -> bool:
    """Whether both ask about a word, and not about the same."""
    if not (pair.left.mentions and pair.right.mentions):
        return False
    if max(len(pair.left.words), len(pair.right.words)) > _MOST_WORDS:
        return False
    left, right = ({word.lower for word in side} - _ABOUT_WORDS for side in (pair.only_left, pair.only_right))
    return bool(left) and bool(right)
