"""Turns pairs into rows of features, as the product does at a look-up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.domain.semantic import features
from chalicelib.domain.semantic.guards import Signs, veto
from chalicelib.domain.semantic.matching import Match
from chalicelib.domain.semantic.reading import read
from chalicelib.domain.semantic.verifier import Remembered
from chalicelib.domain.semantic.vocabulary import Vocabulary
from training.labelled import Pair


class Laid(NamedTuple):
    """A row for each pair, its label, and the guard that fired."""

    rows: npt.NDArray[np.float32]
    labels: npt.NDArray[np.intp]
    guards: list[str | None]


def lay(pairs: Sequence[Pair], vocabulary: Vocabulary) -> Laid:
    """Lay out `pairs`, in their order."""
    embedder, vectors = WordLlamaEmbedder(), Remembered(WordVectors())

    @cache
    def embedded(text: str) -> npt.NDArray[np.float32]:
        return np.frombuffer(embedder.embed([text]).vectors[0], dtype="<f4")

    reading = cache(lambda text: read(text, vocabulary))
    rows, guards = [], []
    for pair in pairs:
        matched = Match(reading(pair.one), reading(pair.other))
        found = Signs(matched)
        cosine = float(embedded(pair.one) @ embedded(pair.other))
        rows.append(features.row(matched, found, cosine, vocabulary, vectors))
        guards.append(veto(matched, found, frozenset()))
    return Laid(np.array(rows, dtype=np.float32), np.array([pair.label for pair in pairs]), guards)
