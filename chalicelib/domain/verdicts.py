"""Whether a stored answer serves a new question: what is asked, known, and decided; the arithmetic is in `semantic`."""

from __future__ import annotations

from math import sqrt
from typing import Final, Literal

from msgspec import Struct

Reason = Literal["same question", "sure enough", "not sure enough", "guarded", "no neighbour", "corrected"]

SHIPPED_ERROR: Final = 0.01  # what the shipped line is drawn for
UNREACHABLE: Final = 2.0  # a chance that nothing has
ALONE: Final = -6.0  # log odds of another candidate, where there is none
TERMS: Final = 6  # of a fit


class Evidence(Struct, frozen=True, array_like=True):
    """What is known of a candidate: the verifier's log odds, the cosine, and the best log odds among the others.

    `seconded` is of those whose answers say the same, `runner_up` of those whose answers do not, or nobody knows.
    """

    logit: float
    cosine: float
    runner_up: float = ALONE
    seconded: float = ALONE


class Label(Struct, frozen=True, array_like=True):
    """A candidate that was compared with a fresh answer; `weight` says for how many it counts."""

    evidence: Evidence
    right: bool
    weight: float = 1.0


class Bound(Struct, frozen=True):
    """How many wrong answers an operator allows: as a share of all requests, or of hits."""

    max_error: float = 0.01
    of_hits: bool = False


class Namespace(Struct, frozen=True):
    """Where one calibration holds: a tenant's tag, what makes its vectors, and which verifier weighs them."""

    tenant: str
    embedder: str
    verifier: str


class Line(Struct, frozen=True, array_like=True):
    """A place to draw the line, with the wrong answers to expect then: as a share of all requests, and of hits."""

    threshold: float
    of_requests: float
    of_hits: float

    def within(self, bound: Bound) -> bool:
        """Whether an operator allows as many."""
        return (self.of_hits if bound.of_hits else self.of_requests) <= bound.max_error


class Calibration(Struct, frozen=True):
    """A namespace's fit, and the recent labels and requests that it comes from; small enough to be one item.

    Where there are `lines`, highest first, an operator's bound chooses among them; else `threshold` is everybody's.
    """

    weights: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    threshold: float
    labels: tuple[Label, ...] = ()
    requests: tuple[Evidence | None, ...] = ()
    news: int = 0  # labels and requests since it was fitted last
    lines: tuple[Line, ...] = ()

    def __post_init__(self) -> None:
        """What another release kept, with other terms, is no fit."""
        if len(self.weights) != TERMS:
            raise ValueError("a fit of other terms")

    def line(self, bound: Bound) -> float:
        """The chance from which on an answer is served under `bound`."""
        if not self.lines:
            return _stricter(self.threshold, bound.max_error)
        line = self.chosen(bound)
        return UNREACHABLE if line is None else line.threshold

    def chosen(self, bound: Bound) -> Line | None:
        """The lowest line that `bound` allows."""
        return min((each for each in self.lines if each.within(bound)), key=lambda each: each.threshold, default=None)


def _stricter(threshold: float, max_error: float) -> float:
    """The shipped line, which is drawn for one in a hundred, moved towards certainty for a smaller bound."""
    return UNREACHABLE if max_error <= 0 else 1 - (1 - threshold) * min(1.0, max_error / SHIPPED_ERROR)


class Candidate(Struct, frozen=True):
    """A stored question near the new one; `entry` names what is stored with it, `said` what its answer says."""

    entry: str
    question: str
    cosine: float
    said: str = ""


_MANY_CHECKED: Final = 0.2  # of hits: enough to learn from without choosing
_SHARPENED: Final = 5.0  # of hits that are right with a chance of 0.96 as many are compared as the rate says
_SUREST: Final = 0.9999


class Knobs(Struct, frozen=True):
    """What an operator sets for a namespace."""

    bound: Bound = Bound()
    check_rate: float = 0.05  # about the share of hits that are compared with a fresh answer
    least_cosine: float = 0.4  # below it a neighbour is not looked at
    protected_terms: frozenset[str] = frozenset()  # in lower case

    def share_checked(self, chance: float | None) -> float:
        """How often a hit that is right with this chance is compared: the less sure, the more there is to learn."""
        if chance is None or self.check_rate >= _MANY_CHECKED:
            return self.check_rate
        return _SHARPENED * self.check_rate * sqrt(1 - min(chance, _SUREST))


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
