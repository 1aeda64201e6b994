"""What the semantic cache decided, was told, and learned from it: the values that are kept."""

from __future__ import annotations

from math import inf
from typing import Literal

from msgspec import Struct

from chalicelib.domain.budget import CacheMode
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Calibration, Decision, Namespace

Ruled = Literal["semantic", "miss"]


class Ruling(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A decision with the turn that it was made in: digests and figures, neither a question nor an answer.

    `id` is the turn's and sorts by time; `at` is an epoch second. The decision's `entry` is the exact key of the answer
    that was considered, created at `entry_at`; `asked` that of the turn's own question, `fresh` that of its own answer.
    A hit that was `checked` was answered afresh, so that the two can be compared. `correct` is the user's word.
    """

    id: str
    request_id: str
    at: int
    user: str
    scope: AnswerScope
    verifier: str
    mode: CacheMode
    outcome: Ruled
    decision: Decision
    entry_at: int | None = None
    asked: str | None = None
    fresh: str | None = None
    checked: bool = False
    correct: bool | None = None

    @property
    def namespace(self) -> Namespace:
        """Whose calibration decided."""
        return Namespace(self.scope.tenant, self.scope.embedder, self.verifier)

    @property
    def given(self) -> str | None:
        """The exact key of the answer that the user got, where it was kept."""
        return self.decision.entry if self.outcome == "semantic" else self.fresh


class Feedback(Struct, frozen=True):
    """A user's word on the answer of an earlier turn, which `ruling` carries; `id` is of the call that brought it."""

    id: str
    ruling: Ruling


class Course(Struct, frozen=True):
    """All that a namespace was taught by what was kept up to the turn id `cursor`; `version` counts the refits."""

    calibration: Calibration | None = None
    cursor: str = ""
    version: int = 0
    refitted_at: int = 0


class Refitted(Struct, frozen=True):
    """What a refit came to, over all namespaces; `wrong` of the labels are of answers that were, or would be, served.

    In `shut` namespaces nothing is served any more, since no line holds the error bound.
    """

    namespaces: int = 0
    labels: int = 0
    wrong: int = 0
    shut: int = 0
    failed: int = 0
    expired: int = 0


class Search(Struct, frozen=True):
    """Which of a tenant's decisions to list, the newest first: at most `limit` made before the turn id `before`."""

    tenant: str
    user: str | None = None
    model: str | None = None
    outcome: Ruled | None = None
    before: str | None = None
    limit: int = 20

    def admits(self, ruling: Ruling) -> bool:
        """Whether a decision is one of those."""
        parts = ((self.user, ruling.user), (self.model, ruling.scope.model), (self.outcome, ruling.outcome))
        return all(part is None or part == own for part, own in parts)


class Found(Struct, frozen=True):
    """Decisions, and the turn id before which to go on, if there may be more."""

    rulings: tuple[Ruling, ...]
    before: str | None


class Offer(Struct, frozen=True):
    """The stored answer under an exact key, if it is still there; and the verifier's log odds that it has to pass.

    There is such a floor where a user said that the answer was wrong for another question.
    """

    answer: CachedAnswer | None
    floor: float = -inf
