"""Small words that turn a question: tense, person, quantity and restriction, where nothing else was put for another."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import Reading
from chalicelib.domain.semantic.word_lists import AUXILIARIES, set_of

_TENSES: Final = {
    "is": "present", "are": "present", "am": "present", "do": "present", "does": "present", "was": "past",
    "were": "past", "did": "past", "had": "past", "will": "future", "shall": "future",
}  # fmt: skip
_BEING: Final = frozenset({"is", "are", "am", "be"})
_EARLY: Final = 3  # words: what comes later is the tense of something else
_IRREGULAR: Final = set_of(
    "won wrote made ran began became came took gave saw said knew lost met built broke bought sold led held"
)


def tense_differs(pair: Match) -> bool:
    """Whether one asks of what was and the other of what is, or will be."""
    if pair.only_left or pair.only_right:
        return False
    tenses = {_tense(pair.left), _tense(pair.right)}
    if "past" in tenses:
        return len(tenses - {""}) > 1
    being = bool(_early(pair.left) & _BEING or _early(pair.right) & _BEING)
    return tenses == {"present", "future"} and being


def _tense(reading: Reading) -> str:
    early = [word.lower for word in reading.words[:_EARLY]]
    found = next((_TENSES[word] for word in early if word in _TENSES), "")
    if found == "present" and any(word.lower == "going" for word in reading.words):
        return "future"
    verb = early[1] if len(early) > 1 else ""
    told = reading.kind == "who" and (verb in _IRREGULAR or verb.endswith("ed"))
    return found or ("past" if told else "")


def _early(reading: Reading) -> frozenset[str]:
    return frozenset(word.lower for word in reading.words[:_EARLY])


_PERSONS: Final = {
    word: (person, case)
    for person, case, words in (
        (1, "subject", "i we"), (1, "object", "me us myself ourselves"), (1, "owner", "my mine our ours"),
        (2, "subject", "you"), (2, "object", "yourself"), (2, "owner", "your yours"),
        (3, "subject", "he she they"), (3, "object", "him them"), (3, "owner", "his her hers their theirs"),
    )
    for word in words.split()
}  # fmt: skip
# Behind these "you" and "I" are anybody: "How do I cook rice" is "How do you cook rice".
_ANYBODY: Final = set_of("do can could should would must may might need if when how where what to that")

_NOBODY: Final = frozenset({"one", "person", "people", "someone", "somebody"})  # whom "his" and "their" stand for


def person_differs(pair: Match) -> bool:
    """Whether it is about another person: "my password", "your password"."""
    if pair.only_left or pair.only_right:
        return False
    left, right = _persons(pair.left), _persons(pair.right)
    if len(left) != len(right) or not left or [who for who, _ in left] == [who for who, _ in right]:
        return False
    renamed = {(mine, yours) for (mine, _), (yours, _) in zip(left, right, strict=True)}
    return not (renamed <= {(1, 2), (3, 3)} or renamed <= {(2, 1), (3, 3)}) or not (left[0][1] and right[0][1])


def _persons(reading: Reading) -> list[tuple[int, bool]]:
    """Each mention of a person, and whether it may be anybody."""
    found = []
    before = ""
    if any(word.lower in _NOBODY for word in reading.words):
        return []
    for word in reading.words:
        if word.lower in _PERSONS:
            person, case = _PERSONS[word.lower]
            found.append((person, case == "subject" and before in _ANYBODY))
        before = word.lower
    return found


_PARTICLES: Final = {"in": "in", "on": "in", "out": "out", "off": "out", "up": "up", "down": "down", "back": "back"}
_WITH_PARTICLES: Final = set_of("sign log check set turn switch opt clock plug pick drop bring roll scale zoom")


def particle_differs(pair: Match) -> bool:
    """Whether a verb goes with another particle: "sign in", "sign up"."""
    left, right = _particles(pair.left), _particles(pair.right)
    return any(left[verb].isdisjoint(right[verb]) for verb in left.keys() & right.keys())


def _particles(reading: Reading) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for verb, particle in pairwise(reading.words):
        if verb.stem in _WITH_PARTICLES and particle.lower in _PARTICLES:
            found.setdefault(verb.stem, set()).add(_PARTICLES[particle.lower])
    return found


_QUANTITIES: Final = {
    word: group
    for group, words in {
        "all": "all every each everyone everybody everything", "none": "no none nobody nothing", "half": "half",
        "some": "some several certain few somebody someone any anyone anybody", "both": "both", "either": "either",
    }.items()
    for word in words.split()
}  # fmt: skip


_UNDER_NEGATION: Final = frozenset({"none", "some"})


def quantity_differs(pair: Match) -> bool:
    """Whether one asks of all and the other of some, of most, or of none."""
    polar = {pair.left.kind, pair.right.kind} <= {"yesno", "do"}
    if pair.only_left and pair.only_right and not polar:
        return False
    left, right = _quantities(pair.left), _quantities(pair.right)
    if pair.left.negations and pair.right.negations:  # "no friends", "not any friends"
        left, right = left - _UNDER_NEGATION, right - _UNDER_NEGATION
    return bool(left - right) and bool(right - left)


def _quantities(reading: Reading) -> set[str]:
    found = {_QUANTITIES[word.lower] for word in reading.words if word.lower in _QUANTITIES}
    most = any(
        word.lower == "most" and (before.lower in AUXILIARIES or after.lower == "of")
        for before, word, after in zip(reading.words, reading.words[1:], reading.words[2:], strict=False)
    )
    return found | {"most"} if most else found


_BOUNDS: Final = re.compile(
    r"\b(?:(?P<least>at least|no (?:less|fewer) than|minimum of|more than|over|above|upwards of)"
    r"|(?P<most>at most|up to|no more than|maximum of|less than|fewer than|under|below)"
    r"|(?P<exact>exactly|precisely)) (?=\W?(?:\d|an?\b|one|two|three|four|five|six|seven|eight|nine|ten|half))"
)


def bound_differs(pair: Match) -> bool:
    """Whether what one has at least, the other has at most or exactly."""
    left, right = _bounds(pair.left), _bounds(pair.right)
    return bool(left) and bool(right) and left != right


def _bounds(reading: Reading) -> set[str | None]:
    return {found.lastgroup for found in _BOUNDS.finditer(reading.text.lower())}


# What restricts, and the other words that say the same.
_RESTRICTIONS: Final = (
    (frozenset({"only", "solely", "exclusively"}), frozenset({"just", "alone", "merely", "but"})),
    (frozenset({"except", "excluding"}), frozenset({"but", "besides", "apart", "other", "exception"})),
    (frozenset({"unless"}), frozenset({"not", "without"})),
    (frozenset({"instead"}), frozenset({"rather", "place", "over", "replace", "substitute", "alternative"})),
)
_RESTRICTING: Final = frozenset().union(*(words for words, _ in _RESTRICTIONS))
_WORDS: Final = re.compile(r"[a-z]+")


def restriction_differs(pair: Match) -> bool:
    """Whether one alone is restricted: "only", "except", "unless", "instead of"."""
    left, right = ({word.lower for word in side} for side in (pair.only_left, pair.only_right))
    if left - _RESTRICTING and right - _RESTRICTING:
        return False
    return _restricted(left, pair.right) or _restricted(right, pair.left)


def _restricted(alone: set[str], other: Reading) -> bool:
    return bool(alone & _RESTRICTING) and any(
        alone & words and not (words | alike) & set(_WORDS.findall(other.text.lower()))
        for words, alike in _RESTRICTIONS
    )
