"""What the memory adapters share: plain dicts behind one lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import Literal

from chalicelib.domain.budget import WINDOWS, Balances, Charge, Plan, Subject, period
from chalicelib.domain.conversation import Conversation, Turn
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.turn import CachedAnswer, Reservation

LeaseState = Literal["open", "settled", "released", "expired"]


@dataclass(frozen=True, slots=True)
class Shelf:
    """Everything that is stored. `used` is by subject and the label of a period."""

    lock: RLock = field(default_factory=RLock)
    keys: dict[str, Key] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    tenants: dict[str, Tenant] = field(default_factory=dict)
    used: dict[tuple[Subject, str], Charge] = field(default_factory=dict)
    leases: dict[str, tuple[LeaseState, Reservation]] = field(default_factory=dict)
    answers: dict[str, CachedAnswer] = field(default_factory=dict)
    heads: dict[str, Conversation] = field(default_factory=dict)
    turns: dict[str, dict[int, Turn]] = field(default_factory=dict)

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """What the subjects used in the windows of `now`."""
        return {
            (subject.kind, window): self.used.get((subject, period(window, now).label), Charge())
            for subject in subjects
            for window in WINDOWS
        }

    def head(self, owner: str, conversation_id: str) -> Conversation:
        """The owner's conversation, or `NotFound`."""
        head = self.heads.get(conversation_id)
        if head is None or head.owner != owner:
            raise NotFound("conversation", conversation_id)
        return head
