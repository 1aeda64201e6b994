"""Weighs whether two questions ask the same, by guards and by a trained forest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from msgspec import Struct

from chalicelib.domain.semantic import features
from chalicelib.domain.semantic.forest import Forest
from chalicelib.domain.semantic.guards import signs, veto
from chalicelib.domain.semantic.matching import match
from chalicelib.domain.semantic.reading import Reading, read
from chalicelib.domain.semantic.vocabulary import Vocabulary
from chalicelib.domain.verdicts import Candidate

_REMEMBERED: Final = 4_096  # readings; stored questions come again and again


class Weighed(Struct, frozen=True):
    """The guard that forbids serving, if any, and the log odds that the answer fits."""

    guard: str | None
    logit: float


class Verifier:
    """Holds what training made; a pure function of the questions, the cosine and that."""

    def __init__(self, forest: Forest, vocabulary: Vocabulary, vectors: features.WordVectors) -> None:
        """`forest` was trained on rows made with this `vocabulary` and these `vectors`."""
        self._forest = forest
        self._vocabulary = vocabulary
        self._vectors = vectors
        self._read = lru_cache(maxsize=_REMEMBERED)(self._reading)

    def weigh(self, question: str, candidates: Sequence[Candidate], protected: frozenset[str]) -> list[Weighed]:
        """Weigh each of `candidates` for `question`; `protected` are the namespace's own terms, in lower case."""
        if not candidates:
            return []
        asked = self._read(question)
        pairs = [match(asked, self._read(each.question), self._vocabulary) for each in candidates]
        found = [signs(pair) for pair in pairs]
        rows = [
            features.row(pair, sign, each.cosine, self._vocabulary, self._vectors)
            for pair, sign, each in zip(pairs, found, candidates, strict=True)
        ]
        logits = self._forest.logits(np.array(rows, dtype=np.float64))
        guards = [veto(pair, sign, protected) for pair, sign in zip(pairs, found, strict=True)]
        return [Weighed(guard, logit) for guard, logit in zip(guards, logits.tolist(), strict=True)]

    def _reading(self, text: str) -> Reading:
        return read(text, self._vocabulary)
