"""Gradient-boosted trees as flat arrays, walked by all candidates and all trees at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]


class Forest(Struct, frozen=True):
    """Nodes of all trees in one row; a leaf points at itself. `roots` are the places where trees begin.

    From a node, a value up to its threshold goes to its left child, and any other to the one after that.
    """

    feature: npt.NDArray[np.uint8]
    threshold: npt.NDArray[np.float32]
    left: npt.NDArray[np.int16]
    value: npt.NDArray[np.float32]
    roots: npt.NDArray[np.int16]
    depth: int
    baseline: float

    def logits(self, rows: Floats) -> Floats:
        """The log odds for each row of features."""
        features = rows.astype(np.float32)
        at = np.repeat(self.roots[None, :].astype(np.intp), len(rows), axis=0)
        lines = np.arange(len(rows))[:, None]
        for _ in range(self.depth):
            left = self.left[at].astype(np.intp)
            goes_right = features[lines, self.feature[at]] > self.threshold[at]
            at = np.where(left == at, at, left + goes_right)
        total: Floats = self.value[at].sum(axis=1, dtype=np.float64) + self.baseline
        return total
