"""The one decision of the semantic cache: serve a stored answer, or not, and why."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.question import canonical
from chalicelib.domain.semantic.calibration import chances
from chalicelib.domain.semantic.verifier import Verifier
from chalicelib.domain.verdicts import ALONE, Calibration, Candidate, Decision, Evidence, Knobs


def decide(
    question: str, candidates: Sequence[Candidate], calibration: Calibration, knobs: Knobs, verifier: Verifier
) -> Decision:
    """Judge the nearest `candidates`, nearest first; the surest one that no guard forbids is what may be served."""
    line = calibration.line(knobs.bound)
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
    allowed = [(weight.logit, each) for weight, each in zip(weighed, near, strict=True) if weight.guard is None]
    if not allowed:
        return Decision(
            serve=False, tier="miss", reason="guarded", entry=near[0].entry, threshold=line,
            guard=weighed[0].guard, similarity=near[0].cosine,
        )  # fmt: skip
    known = _evidence(allowed)
    chance, lowest = chances(calibration, known)
    surest = int(lowest.argmax())
    evidence, (_, best) = known[surest], allowed[surest]
    serve = bool(lowest[surest] >= line)
    return Decision(
        serve=serve, tier="semantic" if serve else "miss", reason="sure enough" if serve else "not sure enough",
        entry=best.entry, score=float(chance[surest]), lower=float(lowest[surest]), threshold=line,
        similarity=best.cosine, evidence=evidence,
    )  # fmt: skip


def _evidence(allowed: Sequence[tuple[float, Candidate]]) -> list[Evidence]:
    """Two stored questions that fit speak for each other, the more so where one answer fits both."""
    found = []
    for place, (logit, each) in enumerate(allowed):
        best = {True: ALONE, False: ALONE}
        for other_logit, other in (*allowed[:place], *allowed[place + 1 :]):
            same = bool(each.said) and other.said == each.said
            best[same] = max(best[same], other_logit)
        found.append(Evidence(logit, each.cosine, runner_up=best[False], seconded=best[True]))
    return found
