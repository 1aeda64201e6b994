"""Whether a stored answer serves a new question: what is asked, known, and decided; the arithmetic is in `semantic`."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Reason = Literal["same question", "sure enough", "not sure enough", "guarded", "no neighbour"]


class Evidence(Struct, frozen=True, array_like=True):
    """What is known of a candidate: the verifier's log odds and the cosine."""

    logit: float
    cosine: float


class Label(Struct, frozen=True, array_like=True):
    """A candidate that was compared with a fresh answer; `weight` says for how many like it it stands."""

    evidence: Evidence
    right: bool
    weight: float = 1.0


class Bound(Struct, frozen=True):
    """How many wrong answers an operator allows: as a share of all requests, or of hits."""

    max_error: float = 0.01
    of_hits: bool = False


class Calibration(Struct, frozen=True):
    """A namespace's fit, and the recent labels and requests that it comes from; small enough to be one item."""

    weights: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    threshold: float
    labels: tuple[Label, ...] = ()
    requests: tuple[Evidence | None, ...] = ()
    news: int = 0  # labels and requests since it was fitted last


class Candidate(Struct, frozen=True):
    """A stored question near the new one; `entry` names what is stored with it."""

    entry: str
    question: str
    cosine: float


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
