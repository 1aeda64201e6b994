"""Weighs whether two questions ask the same, by guards and by a trained forest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from chalicelib.domain.semantic import features
from chalicelib.domain.semantic.forest import Forest
from chalicelib.domain.semantic.guards import Signs, veto
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import Reading, read
from chalicelib.domain.semantic.vocabulary import Vocabulary
from chalicelib.domain.verdicts import Candidate

_MOST_TOGETHER: Final = 64  # sides of pairs: one of them is of the question in each


class Weighed(Struct, frozen=True):
    """The guard that forbids serving, if any, and the log odds that the answer fits: none at all where one forbids."""

    guard: str | None
    logit: float


class Verifier:
    """Holds what training made; a pure function of the questions, the cosine and that.

    It remembers nothing from one call to the next: how long it takes would tell what others asked.
    """

    def __init__(self, forest: Forest, vocabulary: Vocabulary, vectors: features.WordVectors) -> None:
        """`forest` was trained on rows made with this `vocabulary` and these `vectors`."""
        self._forest = forest
        self._vocabulary = vocabulary
        self._vectors = vectors

    def weigh(self, question: str, candidates: Sequence[Candidate], protected: frozenset[str]) -> list[Weighed]:
        """Weigh each of `candidates` for `question`; `protected` are the namespace's own terms, in lower case."""
        if not candidates:
            return []
        asked = self._read(question)
        pairs = [Match(asked, self._read(each.question)) for each in candidates]
        found = [Signs(pair) for pair in pairs]
        guards = [veto(pair, sign, protected) for pair, sign in zip(pairs, found, strict=True)]
        near = zip(pairs, found, (each.cosine for each in candidates), strict=True)
        logits = iter(self._logits([each for each, guard in zip(near, guards, strict=True) if guard is None]))
        return [Weighed(guard, next(logits) if guard is None else -math.inf) for guard in guards]

    def _logits(self, near: Sequence[tuple[Match, Signs, float]]) -> list[float]:
        """One for each; what a guard forbids is not among them, which is most of it."""
        if not near:
            return []
        vectors = Remembered(self._vectors)
        rows = [features.row(pair, sign, cosine, self._vocabulary, vectors) for pair, sign, cosine in near]
        logits: list[float] = self._forest.logits(np.array(rows, dtype=np.float64)).tolist()
        return logits

    def _read(self, text: str) -> Reading:
        return read(text, self._vocabulary)


class Remembered:
    """The vectors of words, each looked up once: for the pairs of one call, or for training, which nobody times."""

    def __init__(self, vectors: features.WordVectors) -> None:
        self._vectors = vectors
        self._known: dict[str, npt.NDArray[np.float32]] = {}
        self._together: dict[tuple[str, ...], npt.NDArray[np.float32]] = {}

    def __call__(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        """One a row."""
        asked = tuple(words)
        if asked not in self._together:
            if len(self._together) >= _MOST_TOGETHER:
                self._together.clear()
            self._together[asked] = self._rows(asked)
        return self._together[asked]

    def _rows(self, words: Sequence[str]) -> npt.NDArray[np.float32]:
        unknown = [word for word in dict.fromkeys(words) if word not in self._known]
        if unknown:
            self._known.update(zip(unknown, self._vectors(unknown), strict=True))
        return np.array([self._known[word] for word in words], dtype=np.float32)
