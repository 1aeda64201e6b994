"""A request that carries an idempotency key is answered once; its twins are told the same, byte for byte.

    verify -> claim -+-> told: the answer, as it was sent ----------------------------+-> reply
                     +-> held: answer it, keep the answer ---------------------------+
                     +-> held by another: wait; take over what it left where it broke off

Who takes over goes on under the name of the turn that it finds, so that what was done under it is not done twice.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.errors import KeyReused, StillRunning, StoreUnavailable
from chalicelib.domain.identity import Credential, Pepperbox, owner_of_key, verify
from chalicelib.domain.jobs import job_id
from chalicelib.domain.receipts import LIFE_SECONDS, Receipt, Told, is_final, receipt_id
from chalicelib.domain.turn import Left
from chalicelib.ports import Clock, Conversations, Jobs, Keys, Turns
from chalicelib.ports.receipts import Receipts

SHORTEST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 1.0
GROWTH: Final = 1.5
LEASE_MARGIN: Final = 30  # seconds beyond a call's deadline, in which it is charged and remembered

_REUSED: Final = "This Idempotency-Key was sent with another request. Send a new key with a new request."
_RUNNING: Final = "A request with this Idempotency-Key is still being answered. Send it again in a moment."


class Wish(Struct, frozen=True):
    """A request that is to be answered once: who sends it, under which key, and what tells it from others."""

    credential: Credential
    key: str
    fingerprint: str
    turn_id: str
    now: float


class Held(Struct, frozen=True):
    """The call that answers: its receipt, and what an earlier one left of the turn."""

    receipt: Receipt
    left: Left | None = None


@dataclass(frozen=True, slots=True)
class Once:
    """Answers each key of a caller once within its life.

    A call holds a receipt for `lease_seconds`, which outlast the longest silence of an answer. A twin waits for
    `patience_seconds`.
    """

    receipts: Receipts
    turns: Turns
    conversations: Conversations
    jobs: Jobs
    keys: Keys
    peppers: Pepperbox
    clock: Clock
    pause: Callable[[float], None]
    lease_seconds: int
    patience_seconds: float

    def begin(self, wish: Wish) -> Told | Held:
        """The answer, or the right to make it; `KeyReused` for another request, `StillRunning` at patience's end."""
        verify(wish.credential, self.keys.get(wish.credential.key_id), self.peppers, wish.now)
        mine = self._receipt(wish)
        found = self.receipts.claim(mine, wish.now)
        longest = SHORTEST_PAUSE
        while True:
            if found.fingerprint != mine.fingerprint:
                raise KeyReused(_REUSED, param="Idempotency-Key", code="idempotency_key_reused")
            if found.answer is not None:
                return found.answer
            if (held := self._held(found, mine)) is not None:
                return held
            if self.clock() >= wish.now + self.patience_seconds:
                raise StillRunning(_RUNNING)
            self.pause(longest)
            longest = min(longest * GROWTH, LONGEST_PAUSE)
            found = self.receipts.get(mine.id, self.clock()) or self.receipts.claim(mine, self.clock())

    def finish(self, held: Held, answer: Told) -> None:
        """Keep what the same request would be told again; after anything else the next call tries anew.

        Where the store cannot keep it, the caller is answered all the same, and the lease ends.
        """
        if not is_final(answer.status):
            self.let_go(held)
            return
        with suppress(StoreUnavailable):
            self.receipts.keep(held.receipt, answer)

    def withhold(self, held: Held, notice: Told) -> None:
        """Keep a notice in the place of an answer that nobody may read twice."""
        with suppress(StoreUnavailable):
            self.receipts.keep(held.receipt, notice)

    def let_go(self, held: Held) -> None:
        """Let the next call take over at once."""
        with suppress(StoreUnavailable):  # then its lease ends it
            self.receipts.hold(held.receipt, 0)

    def stay(self, held: Held) -> Held:
        """Hold on for longer, once half of the lease is over."""
        now = self.clock()
        if held.receipt.lease_until - now > self.lease_seconds / 2:
            return held
        until = int(now) + self.lease_seconds
        with suppress(StoreUnavailable):
            self.receipts.hold(held.receipt, until)
        return msgspec.structs.replace(held, receipt=msgspec.structs.replace(held.receipt, lease_until=until))

    def _receipt(self, wish: Wish) -> Receipt:
        return Receipt(
            id=receipt_id(wish.credential.key_id, wish.key),
            owner=owner_of_key(wish.credential.key_id),
            fingerprint=wish.fingerprint,
            holder=wish.turn_id,
            turn_id=wish.turn_id,
            lease_until=int(wish.now) + self.lease_seconds,
            until=int(wish.now) + LIFE_SECONDS,
        )

    def _held(self, found: Receipt, mine: Receipt) -> Held | None:
        """The right to answer: as the first, or after one that broke off."""
        if found.holder == mine.holder:
            return Held(found)
        now = self.clock()
        if found.lease_until > now:
            return None
        left = self._left(found.turn_id)
        known = left is None or left.is_answered or left.is_lined_up
        goes_on = known or (left is not None and left.is_open and not found.is_inherited)
        heir = msgspec.structs.replace(
            found,
            owner=mine.owner,
            holder=mine.holder,
            turn_id=found.turn_id if goes_on else mine.turn_id,
            lease_until=int(now) + self.lease_seconds,
        )
        return Held(heir, left if goes_on else None) if self.receipts.take(found, heir) else None

    def _left(self, turn_id: str) -> Left | None:
        """What there is of a turn, with what its conversation remembers of it, and what waits for it."""
        left = self.turns.left(turn_id)
        if left is None:
            return None
        left = msgspec.structs.replace(left, job=self.jobs.get(job_id(turn_id)))
        if left.place is None:
            return left
        turn = self.conversations.turn(left.place.conversation, left.place.number)
        return msgspec.structs.replace(left, turn=turn if turn and turn.id == turn_id else None)
