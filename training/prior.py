"""The calibration that ships: what a score is worth among questions held out, held as loosely as a few labels are."""

from __future__ import annotations

from typing import Final

import numpy as np

from chalicelib.domain.semantic.calibration import Prior, fitted
from chalicelib.domain.semantic.forest import Forest
from chalicelib.domain.verdicts import Evidence, Label
from training.laying import Laid

WORTH: Final = 60  # labels: so many of a namespace's own weigh as much as the prior
LINE: Final = 0.6  # the shipped threshold
_LOOSEST: Final = 0.1
_LEAST_COSINE: Final = 0.4


def prior_of(held: Laid, forest: Forest) -> Prior:
    """Fit the pairs that a cache would look at; any of them may be the nearest neighbour of the other."""
    blank = Prior((0.0, 1.0, 0.0, 0.0), _rows(np.eye(4) * _LOOSEST), LINE)
    logits = forest.logits(held.rows.astype(np.float64))
    labels = [
        Label(Evidence(logit, float(row[0])), bool(right))
        for logit, row, right, guard in zip(logits.tolist(), held.rows, held.labels, held.guards, strict=True)
        if guard is None and row[0] >= _LEAST_COSINE
    ]
    fit = fitted(labels, blank)
    precision = np.linalg.inv(fit.covariance[:4, :4]) * (WORTH / len(labels)) + np.eye(4) * _LOOSEST
    return Prior(tuple(fit.weights[:4].tolist()), _rows(precision), LINE)


def _rows(matrix: np.typing.NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
