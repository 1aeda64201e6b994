"""Trains the trees, and lays them out as the arrays that the product walks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from chalicelib.domain.semantic.forest import Forest

SEED: Final = 20_261_122
Rows = npt.NDArray[np.float32]


def fit(rows: Rows, labels: npt.NDArray[np.intp], weights: Sequence[float]) -> HistGradientBoostingClassifier:
    """Trees that are the same for the same rows on the same machine."""
    trees = HistGradientBoostingClassifier(
        max_iter=250, learning_rate=0.06, max_leaf_nodes=16, min_samples_leaf=40, l2_regularization=5,
        max_features=0.5, early_stopping=False, random_state=SEED,
    )  # fmt: skip
    return trees.fit(rows, labels, weights)


def exported(trees: HistGradientBoostingClassifier) -> Forest:
    """The trees in one row of nodes; a child on the left is followed by the one on the right."""
    nodes: list[tuple[int, float, int, float]] = []
    roots = []
    deepest = 0
    for (predictor,) in trees._predictors:  # noqa: SLF001 - scikit-learn has no public way to its trees
        roots.append(len(nodes))
        deepest = max(deepest, _lay(predictor.nodes, nodes))
    feature, threshold, left, value = zip(*nodes, strict=True)
    return Forest(
        feature=np.array(feature, dtype=np.uint8),
        threshold=np.array(threshold, dtype=np.float32),
        left=np.array(left, dtype=np.int16),
        value=np.array(value, dtype=np.float32),
        roots=np.array(roots, dtype=np.int16),
        depth=deepest,
        baseline=float(trees._baseline_prediction[0, 0]),  # noqa: SLF001
    )


def _lay(tree: npt.NDArray[Any], nodes: list[tuple[int, float, int, float]]) -> int:
    """Append `tree` breadth first, and say how deep it is."""
    line = [0]
    start = len(nodes)
    for offset, index in enumerate(line):  # it grows
        node = tree[index]
        place = start + offset
        if node["is_leaf"]:
            nodes.append((0, 0.0, place, float(node["value"])))
        else:
            nodes.append((int(node["feature_idx"]), _below(node["num_threshold"]), start + len(line), 0.0))
            line += [int(node["left"]), int(node["right"])]
    return int(tree["depth"].max())


def _below(threshold: float) -> float:
    """The largest float32 that is not above `threshold`: float32 rows fall on the same side of both."""
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))
