"""Vectors of single words from WordLlama's table, for the verifier that compares the words of two questions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np

from chalicelib.adapters.embedders.wordllama import WEIGHTS, Vector, WordLlamaEmbedder

_DIMENSIONS: Final = 64  # rank words as well as all 256 do
_REMEMBERED: Final = 8_192  # words, 2 MB


class WordVectors:
    """Looks words up in the offline embedder's table, whichever embedder finds the neighbours."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        """`weights` is the file that `python -m infra.weights` writes."""
        self._embedder = WordLlamaEmbedder(weights)
        self._vector = lru_cache(maxsize=_REMEMBERED)(self._read)

    def __call__(self, words: Sequence[str]) -> Vector:
        """A unit vector for each word, one a row."""
        return np.array([self._vector(word) for word in words], dtype=np.float32).reshape(len(words), _DIMENSIONS)

    def _read(self, word: str) -> Vector:
        return np.frombuffer(self._embedder.embed([word], _DIMENSIONS).vectors[0], dtype="<f4")
