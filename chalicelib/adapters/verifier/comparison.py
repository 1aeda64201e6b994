"""Whether two answers say the same, by the offline embedder and the words that the verifier knows."""

from __future__ import annotations

import numpy as np

from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.semantic.agreement import agree
from chalicelib.domain.semantic.vocabulary import Vocabulary
from chalicelib.ports import Embedder


class ShippedComparison:
    """`Comparison` over the shipped vocabulary."""

    def __init__(self, embedder: Embedder) -> None:
        """The offline embedder: the limits on cosines were set with it."""
        self._embedder = embedder
        self._vocabulary = Vocabulary(load().vocabulary)

    def agree(self, fresh: str, stored: str) -> bool | None:
        """As `domain/semantic/agreement.py` says."""
        left, right = (np.frombuffer(each, "<f4") for each in self._embedder.embed([fresh, stored], None).vectors)
        return agree(fresh, stored, float(left @ right), self._vocabulary)
