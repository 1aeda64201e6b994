"""Vectors of single words from WordLlama's table, for the verifier that compares the words of two questions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from chalicelib.adapters.embedders.wordllama import WEIGHTS, Vector, WordLlamaEmbedder

_DIMENSIONS: Final = 64  # rank words as well as all 256 do


class WordVectors:
    """Looks words up in the offline embedder's table, whichever embedder finds the neighbours."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        """`weights` is the file that `python -m infra.weights` writes."""
        self._embedder = WordLlamaEmbedder(weights)

    def __call__(self, words: Sequence[str]) -> Vector:
        """A unit vector for each word, one a row."""
        found = self._embedder.embed(words, _DIMENSIONS).vectors
        return np.frombuffer(b"".join(found), dtype="<f4").reshape(len(words), _DIMENSIONS)
