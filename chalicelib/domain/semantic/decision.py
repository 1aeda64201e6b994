"""The one decision of the semantic cache: serve a stored answer, or not, and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from chalicelib.domain.question import canonical
from chalicelib.domain.semantic.calibration import Bound, Calibration, Evidence, chances
from chalicelib.domain.semantic.verifier import Candidate, Verifier

Reason = Literal["same question", "sure enough", "not sure enough", "guarded", "no neighbour"]


class Knobs(Struct, frozen=True):
    """What an operator sets for a namespace."""

    bound: Bound = Bound()
    check_rate: float = 0.05  # the share of hits that are compared with a fresh answer
    least_cosine: float = 0.4  # below it a neighbour is not looked at
    protected_terms: frozenset[str] = frozenset()  # in lower case


class Decision(Struct, frozen=True, kw_only=True):
    """What was decided and all that it came from; `evidence` is what a label for it would teach."""

    serve: bool
    tier: Literal["exact", "semantic", "miss"]
    reason: Reason
    entry: str | None = None
    score: float | None = None  # the chance that the stored answer fits; None where a guard decided
    lower: float | None = None
    threshold: float
    guard: str | None = None
    similarity: float | None = None
    evidence: Evidence | None = None


def decide(
    question: str, candidates: Sequence[Candidate], calibration: Calibration, knobs: Knobs, verifier: Verifier
) -> Decision:
    """Judge the nearest `candidates`, nearest first; the surest one that no guard forbids is what may be served."""
    line = calibration.threshold
    near = [each for each in candidates if each.cosine >= knobs.least_cosine]
    asked = canonical(question)
    for each in near:
        if canonical(each.question) == asked:
            return Decision(
                serve=True, tier="exact", reason="same question", entry=each.entry, score=1.0, lower=1.0,
                threshold=line, similarity=each.cosine,
            )  # fmt: skip
    if not near:
        return Decision(serve=False, tier="miss", reason="no neighbour", threshold=line)
    weighed = verifier.weigh(question, near, knobs.protected_terms)
    allowed = [
        (Evidence(weight.logit, each.cosine), each)
        for weight, each in zip(weighed, near, strict=True)
        if weight.guard is None
    ]
    if not allowed:
        return Decision(
            serve=False, tier="miss", reason="guarded", entry=near[0].entry, threshold=line,
            guard=weighed[0].guard, similarity=near[0].cosine,
        )  # fmt: skip
    chance, lowest = chances(calibration, [evidence for evidence, _ in allowed])
    surest = int(lowest.argmax())
    evidence, best = allowed[surest]
    serve = bool(lowest[surest] >= line)
    return Decision(
        serve=serve, tier="semantic" if serve else "miss", reason="sure enough" if serve else "not sure enough",
        entry=best.entry, score=float(chance[surest]), lower=float(lowest[surest]), threshold=line,
        similarity=best.cosine, evidence=evidence,
    )  # fmt: skip
