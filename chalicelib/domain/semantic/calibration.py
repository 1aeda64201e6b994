"""Learns in each namespace what a score is worth there, and where to draw the line for an operator's error bound.

The chance that a candidate is right is logistic in the verifier's log odds, the cosine, and the log odds of the best
other candidates, with the same answer and with others. It is fitted anew as labels come, with a shipped prior in place
of those that are missing; its lower 95 % limit is what has to pass the threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from chalicelib.domain.verdicts import ALONE, TERMS, Bound, Calibration, Evidence, Label, Line

Floats = npt.NDArray[np.float64]

MOST_LABELS: Final = 2_000
MOST_REQUESTS: Final = 800
MOST_LINES: Final = 64  # that turns choose from: 2 KB
FEWEST_REQUESTS: Final = 100  # before them, the shipped line
_ONE_SIDED: Final = 1.645  # standard errors below which one in twenty lies
_STEPS: Final = 25
_SMALLEST_STEP: Final = 1e-4
_REFIT_SHARE: Final = 50  # a fit is good for another fiftieth of what it was made of
LEAST_SURE: Final = 0.6  # below it nothing is served, however much error a bound would leave room for
LEAST_LOGIT: Final = -0.5  # what the verifier itself thinks wrong is served on nobody's word: nonsense can be near
_NEAR: Final = 0.5  # log odds below the line
_TRUSTED_ERRORS: Final = 8.0  # errors as expected, that the fit is given credit for
_MOST_SURPRISE: Final = 3.0
_TINY: Final = 1e-6
_ROUNDING: Final = 1e-9  # by how much more than one row and many may come to unlike sums, on any processor
_LOGIT: Final = 1  # the place of the verifier's log odds among the inputs
_CAREFUL: Final = 1.0  # standard errors of the sum of errors, expected on top of it
_SPENT: Final = 0.7  # of a bound: what is expected is not what comes, in a few thousand requests
_BORROWED: Final = 0.3  # of what the prior knows, where labels are at hand
_FREE: Final = np.array(  # how a namespace may differ from the prior beyond that: one standard deviation a row
    [
        (-0.75 * 10, 0, 10, 0, 0, 0),  # its slope in the cosine, about 0.75
        (0.75**2 * 40, 0, -2 * 0.75 * 40, 40, 0, 0),  # the bend of that
        (0, 0, 0, 0, 1, 0),  # the other candidates, of which pairs tell nothing
        (0, 0, 0, 0, 0, 1),
    ]
)


class Prior(Struct, frozen=True):
    """The shipped fit: its weights, the precision that it is held with, and the line to draw until requests came.

    It was made of pairs, so that it has no term for other candidates.
    """

    weights: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    threshold: float


class Fit(NamedTuple):
    """Weights, and how sure they are."""

    weights: Floats
    covariance: Floats


def untaught(prior: Prior) -> Calibration:
    """What a namespace starts with."""
    fit = _shipped(prior)
    return Calibration(tuple(fit.weights.tolist()), _rows(fit.covariance), prior.threshold)


def chances(calibration: Calibration, candidates: list[Evidence]) -> tuple[Floats, Floats]:
    """For each candidate the chance that it is right, and the lower limit of that."""
    inputs = _inputs(candidates)
    return _limits(inputs, Fit(np.array(calibration.weights), np.array(calibration.covariance)))


def seen(calibration: Calibration, best: Evidence | None) -> Calibration:
    """Remember a request by its best candidate; None if it had none to consider."""
    requests = (*calibration.requests, best)[-MOST_REQUESTS:]
    return msgspec.structs.replace(calibration, requests=requests, news=calibration.news + 1)


def taught(calibration: Calibration, label: Label) -> Calibration:
    """Remember a label."""
    labels = (*calibration.labels, label)[-MOST_LABELS:]
    return msgspec.structs.replace(calibration, labels=labels, news=calibration.news + 1)


def refitted(calibration: Calibration, prior: Prior, bound: Bound) -> Calibration:
    """The same with a fit of its labels and a line for `bound`, where there is news enough to make a difference."""
    known = len(calibration.labels) + len(calibration.requests)
    if calibration.news * _REFIT_SHARE < known:
        return calibration
    fit = fitted(calibration.labels, prior)
    return msgspec.structs.replace(
        calibration,
        weights=tuple(fit.weights.tolist()),
        covariance=_rows(fit.covariance),
        threshold=_line(calibration, fit, prior, bound),
        news=0,
    )


def fitted(labels: Sequence[Label], prior: Prior) -> Fit:
    """The most likely weights, by Newton's method; each step is halved until it is no step back."""
    mean, precision = held(prior)
    inputs = _inputs([label.evidence for label in labels])
    right = np.array([label.right for label in labels], dtype=np.float64)
    counts = np.array([label.weight for label in labels], dtype=np.float64)

    def loss(at: Floats) -> float:
        margins = inputs @ at
        apart = at - mean
        return float(counts @ (np.logaddexp(0, margins) - right * margins) + apart @ precision @ apart / 2)

    def curvature(at: Floats) -> Floats:
        chance = _logistic(inputs @ at)
        bent: Floats = (inputs * (counts * chance * (1 - chance))[:, None]).T @ inputs + precision
        return bent

    weights = mean
    for _ in range(_STEPS):
        slope = inputs.T @ (counts * (_logistic(inputs @ weights) - right)) + precision @ (weights - mean)
        step = np.linalg.solve(curvature(weights), slope)
        share, before = 1.0, loss(weights)
        while share > _SMALLEST_STEP and loss(weights - share * step) > before:
            share /= 2
        weights = weights - share * step
        if np.abs(step).max() < _SMALLEST_STEP:
            break
    return Fit(weights, np.linalg.inv(curvature(weights)).astype(np.float64))


def held(prior: Prior) -> tuple[Floats, Floats]:
    """What a fit is drawn towards, and with which precision: less than the prior's, as a namespace is another place."""
    weights, covariance = _shipped(prior)
    return weights, np.linalg.inv(covariance / _BORROWED + _FREE.T @ _FREE).astype(np.float64)


def drawn(calibration: Calibration) -> Calibration:
    """The same with every line that can be drawn, where requests enough are known: each operator has a bound."""
    fit = Fit(np.array(calibration.weights), np.array(calibration.covariance))
    lines = _lines(calibration, fit, _surprise(calibration, fit))
    lines = lines[: 1 + sum(line.threshold > LEAST_SURE for line in lines)]
    step = 1 + len(lines) // MOST_LINES
    return msgspec.structs.replace(calibration, lines=lines[::step])


def _line(calibration: Calibration, fit: Fit, prior: Prior, bound: Bound) -> float:
    """The lowest line at which the errors to expect among the recent requests are within the bound."""
    lines = _lines(calibration, fit, _surprise(calibration, fit))
    if not lines:
        return prior.threshold
    return msgspec.structs.replace(calibration, lines=lines).line(bound)


def _lines(calibration: Calibration, fit: Fit, surprise: float) -> tuple[Line, ...]:
    half = max(FEWEST_REQUESTS, len(calibration.requests) // 2)
    requests = calibration.requests[-half:]  # to look farther back is to see an emptier cache, that errs less
    candidates = [each for each in requests if each is not None]
    if len(requests) < FEWEST_REQUESTS or not candidates:
        return ()
    inputs = _inputs(candidates)
    chance, lowest = _limits(inputs, fit)
    order = np.argsort(-lowest, kind="stable")
    expected = np.cumsum(1 - chance[order]) * surprise
    errors = (expected + _CAREFUL * _spread(inputs[order], chance[order], fit)) / _SPENT
    hits = np.arange(1, len(order) + 1)
    drawn_at = np.maximum(lowest[order] - _ROUNDING, LEAST_SURE)
    return tuple(map(Line, drawn_at.tolist(), (errors / len(requests)).tolist(), (errors / hits).tolist()))


def _surprise(calibration: Calibration, fit: Fit) -> float:
    """How many errors there were for each that the fit expects, among the labels that matter: near the line and above.

    A logistic curve that is right for the many poor candidates may be wrong for the few good ones.
    """
    if not calibration.labels:
        return 1.0
    chance, lowest = _limits(_inputs([label.evidence for label in calibration.labels]), fit)
    line = np.clip(calibration.threshold, _TINY, 1 - _TINY)
    near = lowest >= _logistic(np.log(line / (1 - line)) - _NEAR)
    wrong = np.array([not label.right for label in calibration.labels]) & near
    counts = np.array([label.weight for label in calibration.labels]) * near
    ratio = (counts @ wrong + _TRUSTED_ERRORS) / (counts @ (1 - chance) + _TRUSTED_ERRORS)
    return float(np.clip(ratio, 1 / _MOST_SURPRISE, _MOST_SURPRISE))


def _spread(inputs: Floats, chance: Floats, fit: Fit) -> Floats:
    """The standard error of the sum of errors down to each candidate: what a fit is wrong in, all of them share."""
    slopes = np.cumsum(inputs * (chance * (1 - chance))[:, None], axis=0)
    spread: Floats = np.sqrt(np.einsum("ij,jk,ik->i", slopes, fit.covariance, slopes))
    return spread


def _shipped(prior: Prior) -> Fit:
    """The prior with the terms of other candidates, that weigh nothing for now."""
    weights, covariance = np.zeros(TERMS), np.zeros((TERMS, TERMS))
    known = len(prior.weights)
    weights[:known] = prior.weights
    covariance[:known, :known] = np.linalg.inv(np.array(prior.precision))
    return Fit(weights, covariance)


def _limits(inputs: Floats, fit: Fit) -> tuple[Floats, Floats]:
    margins = inputs @ fit.weights
    spread = np.sqrt(np.einsum("ij,jk,ik->i", inputs, fit.covariance, inputs))
    lowest = np.where(inputs[:, _LOGIT] < LEAST_LOGIT, 0.0, _logistic(margins - _ONE_SIDED * spread))
    return _logistic(margins), lowest


def _inputs(candidates: list[Evidence]) -> Floats:
    rows = [
        (1.0, each.logit, each.cosine, each.cosine**2, each.runner_up - ALONE, each.seconded - ALONE)
        for each in candidates
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, TERMS)


def _logistic(values: Floats) -> Floats:
    chance: Floats = 1 / (1 + np.exp(-np.clip(values, -40, 40)))
    return chance


def _rows(matrix: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
