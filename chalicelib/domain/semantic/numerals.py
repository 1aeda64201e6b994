"""Numbers as a person means them: digits or words, thousands or "k", each with its unit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from chalicelib.domain.semantic.word_lists import UNITS, set_of

_ONES: Final = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8,
    "ninth": 9, "tenth": 10,
}  # fmt: skip
_TENS: Final = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES: Final = {
    "k": 1e3, "hundred": 1e2, "thousand": 1e3, "lakh": 1e5, "lakhs": 1e5, "lac": 1e5, "million": 1e6, "mn": 1e6,
    "crore": 1e7, "crores": 1e7, "billion": 1e9, "bn": 1e9, "trillion": 1e12,
}  # fmt: skip
UNSURE: Final = {"one": 1.0, "first": 1.0, "once": 1.0, "a": 1.0, "second": 2.0, "twice": 2.0, "both": 2.0,
                 "couple": 2.0, "half": 0.5, "dozen": 12.0, "hundred": 100.0, "thousand": 1e3, "million": 1e6,
                 "billion": 1e9}  # fmt: skip
COUNTS: Final = {
    "one": 1.0, "first": 1.0, "once": 1.0, "single": 1.0, "second": 2.0, "twice": 2.0, "double": 2.0, "both": 2.0,
    "couple": 2.0, "thrice": 3.0, "triple": 3.0, "dozen": 12.0, "half": 0.5, "quarter": 0.25,
}  # fmt: skip
_ROMAN: Final = {
    "II": "2", "III": "3", "IV": "4", "VI": "6", "VII": "7", "VIII": "8", "IX": "9", "XI": "11", "XII": "12",
    "XIII": "13", "XIV": "14", "XV": "15", "XVI": "16", "XVII": "17", "XVIII": "18", "XIX": "19", "XX": "20",
}  # fmt: skip
_COUNTED: Final = set_of("war part phase volume chapter type class act title article section stage")
_ORDINAL: Final = frozenset({"st", "nd", "rd", "th"})
_MOST_DIGITS: Final = 15  # a longer one is no amount, and a float would round it


def in_figures(words: Sequence[str]) -> list[str]:
    """`words` with figures in place of Roman numerals."""
    found = [_ROMAN.get(word, word) for word in words]
    for place, word in enumerate(words):
        if word == "I" and place and words[place - 1].lower() in _COUNTED:
            found[place] = "1"
    return found


class Number(NamedTuple):
    """A number, its unit if it has one, and where it stands among the words: from `start` up to `end`."""

    value: float | str
    unit: str
    start: int
    end: int


def numbers_in(words: Sequence[str]) -> Iterator[Number]:
    """Every number of `words`, which are in lower case, from left to right."""
    place = 0
    while place < len(words):
        found = _number_at(words, place)
        if found is None:
            place += 1
        else:
            yield found
            place = found.end


def _number_at(words: Sequence[str], start: int) -> Number | None:
    word = words[start]
    if word[0].isdigit():
        value, end = _digits(word), start + 1
    elif word in _TENS or word in _ONES or (word in {"one", "a"} and _at(words, start + 1) in _SCALES):
        value, end = _spelled(words, start)
    else:
        return None
    while isinstance(value, float) and (scale := _SCALES.get(_at(words, end))):
        value, end = value * scale, end + 1
    end += _at(words, end) in _ORDINAL
    before = UNITS.get(words[start - 1], "") if start and words[start - 1] in _CURRENCIES else ""
    return Number(value, before or UNITS.get(_at(words, end), ""), start, end)


_CURRENCIES: Final = frozenset({"$", "€", "£", "₹", "¥", "usd", "eur", "gbp", "inr", "rs", "jpy"})


def _digits(word: str) -> float | str:
    plain = word.replace(",", "")
    _, _, part = plain.partition(".")
    if part.endswith("0") and part.strip("0"):
        return word  # a version: 3.10 is not 3.1
    try:
        return float(plain) if len(plain) <= _MOST_DIGITS else plain
    except ValueError:  # a version, an address
        return word


def _spelled(words: Sequence[str], start: int) -> tuple[float, int]:
    word = words[start]
    if word in _TENS:
        more = _ONES.get(_at(words, start + 1), 0)
        if _at(words, start + 1) == "one":
            more = 1
        return float(_TENS[word] + (more if more <= 9 else 0)), start + 1 + (0 < more <= 9)  # noqa: PLR2004 - the ones
    return float(_ONES.get(word, 1)), start + 1


def _at(words: Sequence[str], place: int) -> str:
    return words[place] if place < len(words) else ""
