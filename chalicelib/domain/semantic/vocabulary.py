"""How rare a word is in questions, and whether it is usually a name: a byte for each bucket of a hashed table."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

NAME = 0x80  # the bit of a word that is usually written with a capital
KNOWN = 0x7F
STEP = 0.1  # of idf, in each byte
RAREST = 12.0  # the idf of a word that the table does not know


def bucket(word: str, buckets: int) -> int:
    """The place of `word` in a table of `buckets` bytes."""
    return zlib.crc32(word.encode()) % buckets


class Vocabulary:
    """Reads the table that training writes."""

    def __init__(self, table: npt.NDArray[np.uint8]) -> None:
        """`table` has the idf in steps in its low bits, 0 for an unknown word, and `NAME` in its high one."""
        self._bytes = table.tobytes()
        self._buckets = len(table)

    def rarity(self, stem: str) -> float:
        """The idf of a word's stem."""
        known = self._bytes[bucket(stem, self._buckets)] & KNOWN
        return known * STEP if known else RAREST

    def knows(self, word: str) -> bool:
        """Whether `word` was common enough in training to be no slip of the fingers."""
        return self._bytes[bucket("=" + word, self._buckets)] != 0

    def is_name(self, word: str) -> bool:
        """Whether `word`, in lower case, is usually written with a capital inside a sentence."""
        return bool(self._bytes[bucket("=" + word, self._buckets)] & NAME)
