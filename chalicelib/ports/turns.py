"""The record of turns, and the answers that may be given again."""

from __future__ import annotations

from typing import Protocol

from chalicelib.domain.lead import Lead
from chalicelib.domain.turn import CachedAnswer, Cue, Left, Memory, Reservation, Settlement


class Turns(Protocol):
    """The record of turns: what a turn reads at once, and what it writes at once.

    Every write carries the turn's id: repeated with the same values, it changes nothing and reports success.
    `StoreUnavailable` leaves it unknown whether a write happened; repeating it is safe.
    """

    def recall(self, cue: Cue) -> Memory:
        """Everything that a turn needs to begin, in one round trip, each item read consistently."""

    def reserve(self, reservation: Reservation) -> None:
        """Charge every subject in every window, hold the lease and store the open turn, or do none of it.

        `LimitExceeded` names the first limit that did not admit the charge; `NotFound` says that the conversation is
        gone; `Conflict` that its next number was taken meanwhile, or that the turn is over; `Overtaken`, before all of
        these, that it cannot lead. What was `seen` to be used up is `LimitExceeded` before anything is asked.
        """

    def settle(self, reservation: Reservation, settlement: Settlement) -> None:
        """Correct the charge to what was burned and remember the turn, once.

        An expired reservation is corrected too. Where the conversation was deleted meanwhile, the charge is settled
        and the turn is dropped.
        """

    def release(self, reservation: Reservation) -> None:
        """Undo a reservation whose turn burned nothing: charge and open turn vanish, as if it had never been.

        One that has not arrived yet is kept from arriving. Until this has succeeded, nobody may reserve the turn again.
        """

    def left(self, turn_id: str) -> Left | None:
        """How a turn's reservation stands, with what was claimed, read consistently; None where none arrived.

        What the conversation remembers is not in it.
        """

    def expire(self, before: float, limit: int) -> int:
        """End at most `limit` leases that ran out before the epoch second `before`; how many were ended.

        The charge is kept: the model may have burned it. The turn is marked as cut.
        """


class Answers(Protocol):
    """Whole answers by exact cache key; `Turns.recall` reads those that it is asked for."""

    def get(self, key: str, now: float) -> CachedAnswer | None:
        """The answer, read consistently, unless it has expired."""

    def look(self, key: str, now: float) -> CachedAnswer | Lead | None:
        """The answer, or who asks for it, read consistently, unless it is over."""

    def cede(self, lead: Lead) -> None:
        """Give up a lead that came to no answer, in one round trip; what is not the turn's own any more stays."""

    def store(self, key: str, answer: CachedAnswer) -> bool:
        """Keep the answer until it expires, in one round trip; whether it was kept, which one too large is not."""
