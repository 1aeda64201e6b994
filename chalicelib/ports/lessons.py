"""What the semantic cache decided, what it was told of that, and what it learns from both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from chalicelib.domain.entries import Purge
from chalicelib.domain.lessons import Course, Feedback, Found, Offer, Ruling, Search
from chalicelib.domain.trail import Event
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Calibration, Namespace


class Decisions(Protocol):
    """The decisions of a week, and what users and operators made of them. May raise `StoreUnavailable`."""

    def put(self, ruling: Ruling) -> None:
        """Keep a decision, in one round trip. Repeating it is safe."""

    def get(self, tenant: str, turn_id: str) -> Ruling | None:
        """The decision of a turn of the tenant with that tag, read consistently."""

    def requested(self, tenant: str, request_id: str) -> Ruling | None:
        """The decision of the turn that came with that request, if it is among the tenant's newest two thousand."""

    def page(self, search: Search) -> Found:
        """Decisions, the newest first; a page may be short, and even empty, where few of many are meant."""

    def correct(self, feedback: Feedback) -> bool:
        """Keep a user's word, for the refit too; whether it is news. The same word for the same turn is none."""

    def offer(self, key: str, now: float) -> Offer:
        """An answer with its floor, both read consistently in one round trip."""

    def lift(self, key: str, floor: float, until: int) -> None:
        """Raise the floor of an answer, until an epoch second; a lower one than there is changes nothing."""

    def drop(self, key: str) -> None:
        """Delete an answer; one that is not there is a repetition."""

    def forbid(self, purge: Purge, now: float, note: Event | None = None) -> None:
        """From now on `Turns.recall` tells of the purge: answers from before are not served. Repeating it is safe.

        Its `note` for the audit trail is written with it; a part of something larger has none of its own.
        """


class Lessons(Protocol):
    """What is learned from decisions, namespace by namespace. May raise `StoreUnavailable`."""

    def namespaces(self) -> Sequence[Namespace]:
        """Every namespace that ever had a decision, the one that waits longest for a refit first."""

    def course(self, namespace: Namespace) -> Course:
        """All that it was taught, read consistently; an empty one where nothing was, or nobody can read it."""

    def since(self, tenant: str, after: str, until: str, most: int) -> Sequence[Ruling | Feedback]:
        """What was kept of a tenant between two ids, oldest first; the newest `most`, read consistently."""

    def save(self, namespace: Namespace, course: Course) -> bool:
        """Replace what there is, and show its fit to turns; False where another refit did since it was read."""

    def answers(self, keys: Sequence[str], now: float) -> Mapping[str, CachedAnswer]:
        """Those of the answers under these exact keys that are still there, read consistently."""


class Comparison(Protocol):
    """Who compares answers."""

    def agree(self, fresh: str, stored: str) -> bool | None:
        """Whether the two say the same; None where nobody can tell."""


class Known(Protocol):
    """What this process knows of fits."""

    def namespace(self, tenant: str) -> Namespace:
        """Where what the tenant with that tag teaches belongs."""

    def due(self, tenant: str, now: float) -> Namespace | None:
        """The namespace whose fit is to be read with the turn, if what is known of it is old."""

    def heard(self, namespace: Namespace, fit: Calibration | None, now: float) -> None:
        """Remember what was read."""

    def fit(self, namespace: Namespace) -> Calibration | None:
        """The fit, if there is one."""
