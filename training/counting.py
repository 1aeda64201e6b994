"""Writes the vocabulary: how rare each stem is in the questions, and which words are usually names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from chalicelib.domain.semantic.reading import Reading, read
from chalicelib.domain.semantic.vocabulary import KNOWN, NAME, STEP, Vocabulary, bucket

BUCKETS: Final = 1 << 18
_FEWEST: Final = 3  # questions, before the rarity of a word is told
_FEWEST_KNOWN: Final = 2
_FEWEST_FOR_NAMES: Final = 2
_NAME_SHARE: Final = 0.8


def count(texts: Iterable[str], others: Iterable[str] = ()) -> npt.NDArray[np.uint8]:
    """The table for `texts`, each counted once; what only `others` say is known, and rare."""
    blank = Vocabulary(np.zeros(8, np.uint8))
    readings = [read(text, blank) for text in sorted(set(texts))]
    more = [read(text, blank) for text in sorted(set(others) - set(texts))]
    names = _usual_names(readings + more)
    stems = Counter(stem for reading in readings for stem in {word.stem for word in reading.words})
    words = Counter(lower for reading in readings + more for lower in {word.lower for word in reading.words})
    table = np.zeros(BUCKETS, dtype=np.uint8)
    for stem, times in _frequent(stems, _FEWEST):
        steps = min(KNOWN, max(1, round(math.log(len(readings) / times) / STEP)))
        place = bucket(stem, BUCKETS)
        table[place] = min(table[place] or KNOWN, steps)
    for word, _ in _frequent(words, _FEWEST_KNOWN):
        place = bucket("=" + word, BUCKETS)
        table[place] = max(1, table[place]) | (NAME if word in names else 0)
    return table


def _frequent(counted: Counter[str], fewest: int) -> list[tuple[str, int]]:
    return sorted((word, times) for word, times in counted.items() if times >= fewest)


def _usual_names(readings: Iterable[Reading]) -> frozenset[str]:
    """The words that are written with a capital where only names are: inside a sentence that is no title."""
    inside: Counter[str] = Counter()
    capitals: Counter[str] = Counter()
    for reading in readings:
        inner = reading.words[1:]
        large = [word.lower for word in inner if word.text[0].isupper()]
        if len(large) * 2 <= len(inner):
            inside.update(word.lower for word in inner)
            capitals.update(large)
    return frozenset(
        word for word, times in inside.items() if times >= _FEWEST_FOR_NAMES and capitals[word] >= _NAME_SHARE * times
    )
