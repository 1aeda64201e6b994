"""The judge with the weights that ship, which load with the first question that has a neighbour."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from chalicelib.adapters.verifier.weights import load, open_verifier
from chalicelib.domain.entries import Neighbour
from chalicelib.domain.semantic.calibration import untaught
from chalicelib.domain.semantic.decision import decide
from chalicelib.domain.semantic.features import WordVectors
from chalicelib.domain.verdicts import Calibration, Candidate, Decision, Knobs


class ShippedJudge:
    """`Judge` over the shipped forest and prior."""

    def __init__(self, vectors: WordVectors) -> None:
        self._verifier = open_verifier(vectors)

    def judge(self, question: str, neighbours: Sequence[Neighbour], fit: Calibration | None, knobs: Knobs) -> Decision:
        """As `domain/semantic/decision.py` decides."""
        candidates = [Candidate(each.answer, each.question, each.similarity, each.said) for each in neighbours]
        return decide(question, candidates, fit or untaught_fit(), knobs, self._verifier)


@cache
def untaught_fit() -> Calibration:
    """The calibration of a namespace that was taught nothing."""
    return untaught(load().prior)
