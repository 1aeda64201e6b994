"""Gradient-boosted trees as flat arrays, walked by all candidates and all trees at once."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]


class _Ways(NamedTuple):
    """The nodes as they are walked: places as numpy counts them, and a leaf from which nothing goes to the right."""

    feature: Places
    threshold: npt.NDArray[np.float32]
    left: Places
    roots: Places


class Forest(Struct, frozen=True, dict=True):
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
        ways, features = self._ways, rows.astype(np.float32).ravel()
        starts = np.arange(0, features.size, rows.shape[1])[:, None]
        at = np.repeat(ways.roots[None, :], len(rows), axis=0)
        for _ in range(self.depth):
            goes_right = features.take(ways.feature.take(at) + starts) > ways.threshold.take(at)
            at = ways.left.take(at) + goes_right
        total: Floats = self.value.take(at).sum(axis=1, dtype=np.float64) + self.baseline
        return total

    @cached_property
    def _ways(self) -> _Ways:
        left = self.left.astype(np.intp)
        is_leaf = left == np.arange(len(left))
        threshold = np.where(is_leaf, np.float32(np.inf), self.threshold)
        return _Ways(self.feature.astype(np.intp), threshold, left, self.roots.astype(np.intp))
