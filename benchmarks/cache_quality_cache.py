"""The semantic cache as this benchmark drives it: the product's judge over nearest neighbours in memory."""

from __future__ import annotations

import random
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.embedders.wordllama import WordLlamaEmbedder
from chalicelib.adapters.verifier import weights
from chalicelib.domain.question import canonical
from chalicelib.domain.semantic.calibration import refitted, seen, taught, untaught
from chalicelib.domain.semantic.decision import decide
from chalicelib.domain.semantic.verifier import Verifier
from chalicelib.domain.verdicts import Candidate, Decision, Knobs, Label

NEIGHBOURS: Final = 5
Vector = npt.NDArray[np.float32]


def shipped_verifier() -> Verifier:
    """The judge as it ships, over the offline embedder's words."""
    return weights.open_verifier(WordVectors())


class Found(NamedTuple):
    """What a look-up came to; with `check`, a hit that is also to be compared with a fresh answer."""

    decision: Decision
    answer: str | None
    check: bool


class Index:
    """Unit vectors in memory, and the nearest of them to another."""

    def __init__(self, dimensions: int = 256) -> None:
        self._rows: Vector = np.zeros((1_024, dimensions), dtype=np.float32)
        self._count = 0

    def add(self, vector: Vector) -> None:
        if self._count == len(self._rows):
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)])
        self._rows[self._count] = vector
        self._count += 1

    def nearest(self, vector: Vector, most: int) -> list[tuple[int, float]]:
        """The places of the nearest, nearest first, with their cosines."""
        cosines = self._rows[: self._count] @ vector
        places = np.argpartition(-cosines, most - 1)[:most] if self._count > most else np.arange(self._count)
        return [(int(place), float(cosines[place])) for place in places[np.argsort(-cosines[places])]]


class JudgedCache:
    """One namespace: it learns from every miss and from the hits that are checked."""

    def __init__(self, knobs: Knobs, verifier: Verifier, seed: int = 0) -> None:
        self._knobs = knobs
        self._embedder = WordLlamaEmbedder()
        self._verifier = verifier
        self._prior = weights.load().prior
        self._calibration = untaught(self._prior)
        self._index = Index()
        self._questions: list[str] = []
        self._answers: list[str] = []
        self._exact: dict[str, int] = {}
        self._random = random.Random(seed)
        self._last: tuple[str, Decision, Vector] | None = None

    def lookup(self, text: str) -> Found:
        """Decide whether a stored answer is served for `text`."""
        place = self._exact.get(canonical(text))
        vector = self._vector(text)
        near = [(place, 1.0)] if place is not None else self._index.nearest(vector, NEIGHBOURS)
        candidates = [Candidate(str(at), self._questions[at], cosine) for at, cosine in near]
        decision = decide(text, candidates, self._calibration, self._knobs, self._verifier)
        self._calibration = seen(self._calibration, decision.evidence)
        self._last = (text, decision, vector)
        served = self._answers[int(decision.entry)] if decision.serve and decision.entry is not None else None
        check = decision.tier == "semantic" and self._random.random() < self._knobs.check_rate
        return Found(decision, served, check)

    def learn(self, text: str, answer: str) -> None:
        """Take the fresh answer to the text looked up last: a label for its neighbour, and an entry of its own."""
        assert self._last is not None
        assert self._last[0] == text
        _, decision, vector = self._last
        right = False
        if decision.evidence is not None and decision.entry is not None:
            right = self._answers[int(decision.entry)] == answer
            weight = 1 / self._knobs.check_rate if decision.serve else 1.0
            self._calibration = taught(self._calibration, Label(decision.evidence, right, weight))
        self._calibration = refitted(self._calibration, self._prior, self._knobs.bound)
        if not (decision.serve and right):
            self._exact.setdefault(canonical(text), len(self._questions))
            self._questions.append(text)
            self._answers.append(answer)
            self._index.add(vector)

    def _vector(self, text: str) -> Vector:
        return np.frombuffer(self._embedder.embed([text]).vectors[0], dtype="<f4")
