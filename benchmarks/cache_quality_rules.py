"""Other rules for the same streams: one cosine for all, and vCache's, which learns for each entry apart."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import Final, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from chalicelib.domain.question import canonical

Vectors = npt.NDArray[np.float32]
_BLOCK: Final = 256
_NOWHERE: Final = -2.0


class Rule(Protocol):
    """Decides by the cosine of the nearest stored question alone."""

    def serves(self, entry: int, cosine: float) -> bool:
        """Whether the answer of `entry` is served."""

    def learn(self, entry: int, cosine: float, *, right: bool) -> None:
        """Hear what a fresh answer made of it."""


class Tally(NamedTuple):
    """What came of a stream."""

    requests: int
    hits: int
    wrong: int


class Fixed:
    """Serves from a cosine on; it learns nothing."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def serves(self, entry: int, cosine: float) -> bool:
        """As every semantic cache with a threshold does."""
        del entry
        return cosine >= self.threshold

    def learn(self, entry: int, cosine: float, *, right: bool) -> None:
        """Nothing."""


class PerEntry:
    """vCache's rule: for each entry a logistic curve in the cosine, and a chance to ask that keeps the error bound.

    The chance that a served answer is right is at least `(1 - e)` times the curve with its middle moved to the upper
    `1 - e` limit; the rule asks the model as seldom as the best `e` lets it.
    """

    def __init__(self, max_error: float, seed: int = 0) -> None:
        self._max_error = max_error
        self._random = random.Random(seed)
        self._seen: dict[int, list[tuple[float, float]]] = {}
        self._curves: dict[int, tuple[float, float, float]] = {}

    def serves(self, entry: int, cosine: float) -> bool:
        """At random, as seldom asking as is safe."""
        if len(self._seen.get(entry, ())) < _FEWEST:
            return False
        middle, steepness, spread = self._curves[entry]
        sure = max(
            (1 - error) / (1 + math.exp(min(40.0, -steepness * (cosine - middle - limit * spread))))
            for error, limit in _LIMITS
        )
        return self._random.random() > 1 - self._max_error / max(1 - sure, self._max_error)

    def learn(self, entry: int, cosine: float, *, right: bool) -> None:
        """Fit the entry's curve anew."""
        seen = self._seen.setdefault(entry, [])
        seen.append((cosine, float(right)))
        if len(seen) >= _FEWEST:
            self._curves[entry] = _curve([(0.0, 0.0), (1.0, 1.0), *seen])


_FEWEST: Final = 6  # comparisons, before an entry may be served
_LIMITS: Final = tuple(
    (error, NormalDist().inv_cdf(1 - error)) for error in (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
)
_STEPS: Final = 12
_HELD: Final = 1e-3  # a ridge: what is parted perfectly has no steepest curve
_STEEPEST: Final = 200.0


def _curve(seen: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The middle of the likeliest logistic curve, its steepness, and the standard error of the middle."""
    cosines, right = np.array(seen).T
    inputs = np.stack([np.ones_like(cosines), cosines], axis=1)
    weights = np.array([-4.0, 8.0])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        bent = (inputs * (chance * (1 - chance))[:, None]).T @ inputs + np.eye(2) * _HELD
        weights = weights - np.linalg.solve(bent, inputs.T @ (chance - right) + _HELD * weights)
        weights[1] = np.clip(weights[1], 1.0, _STEEPEST)
    covariance = np.linalg.inv(bent)
    middle = -weights[0] / weights[1]
    slope = np.array([-1 / weights[1], weights[0] / weights[1] ** 2])
    return float(middle), float(weights[1]), float(math.sqrt(max(slope @ covariance @ slope, 0.0)))


def played(vectors: Vectors, rows: Sequence[tuple[str, str]], rules: Sequence[Rule]) -> list[Tally]:
    """What each of the rules makes of the same stream, with an exact tier before it as ours has."""
    caches = [_Cache(rule, len(rows)) for rule in rules]
    for place, cosines in _cosines(vectors):
        text, cluster = rows[place]
        for cache in caches:
            cache.ask(place, canonical(text), cluster, cosines)
    return [Tally(len(rows), cache.hits, cache.wrong) for cache in caches]


def _cosines(vectors: Vectors) -> Iterator[tuple[int, Vectors]]:
    """For each row its cosines with all rows before it."""
    for start in range(0, len(vectors), _BLOCK):
        block = vectors[start : start + _BLOCK] @ vectors[: start + _BLOCK].T
        for offset, cosines in enumerate(block):
            yield start + offset, cosines[: start + offset]


class _Cache:
    def __init__(self, rule: Rule, size: int) -> None:
        self._rule = rule
        self._far = np.full(size, _NOWHERE, np.float32)  # added to a cosine: 0 where a question is stored
        self._exact: dict[str, str] = {}
        self._clusters: dict[int, str] = {}
        self.hits = self.wrong = 0

    def ask(self, place: int, text: str, cluster: str, cosines: Vectors) -> None:
        if (known := self._exact.get(text)) is not None:
            self._count(right=known == cluster)
            return
        near = int((cosines + self._far[:place]).argmax()) if self._clusters else -1
        right = self._clusters.get(near) == cluster
        cosine = float(cosines[near]) if self._clusters else 0.0
        if self._clusters and self._rule.serves(near, cosine):
            self._count(right=right)
            return
        if self._clusters:
            self._rule.learn(near, cosine, right=right)
        self._exact[text] = cluster
        if isinstance(self._rule, Fixed) or not right:
            self._far[place] = 0.0
            self._clusters[place] = cluster

    def _count(self, *, right: bool) -> None:
        self.hits += 1
        self.wrong += not right
