"""The ledger's side of a turn: reserve before the model, settle or release after it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec

from chalicelib.domain.budget import Charge, refused, standing
from chalicelib.domain.catalogue import charge, most
from chalicelib.domain.chat import Completion, Usage
from chalicelib.domain.conversation import Item, Turn
from chalicelib.domain.errors import (
    Conflict,
    LimitExceeded,
    NotFound,
    StoreBusy,
    StoreUnavailable,
)
from chalicelib.domain.estimate import input_bound
from chalicelib.domain.identity import Principal
from chalicelib.domain.items import items_of, items_of_completion
from chalicelib.domain.lead import Lead
from chalicelib.domain.ledger import is_spent, subjects_of
from chalicelib.domain.regions import ALONE
from chalicelib.domain.report import CacheOutcome
from chalicelib.domain.turn import Caller, Left, Opened, Reservation, Settlement
from chalicelib.domain.usage import Note
from chalicelib.ports import Clock, Conversations, Fence, Turns

RENUMBERINGS: Final = 8  # parallel turns of one conversation that a turn lets go first


@dataclass(frozen=True, slots=True)
class Admission:
    """Holds every caller to the plan's limits; a lease outlives the longest turn.

    While the store cannot reserve, nothing is admitted, but under a plan that says `fail_open`: then the claim is
    `unmetered`. Should such a reservation have arrived all the same, its lease keeps its charge.
    """

    turns: Turns
    conversations: Conversations
    lease_seconds: int
    clock: Clock
    fence: Fence = ALONE

    def turn_away(self, opened: Opened) -> None:
        """Raise `LimitExceeded` where the opening read shows that no request is left: no hit is to be had then."""
        caller = opened.caller
        if opened.ask.left is None and caller.exact and is_spent(caller.plan.limits, caller.balances):
            self.reserve(opened)

    def reserve(self, opened: Opened, lead: Lead | None = None) -> Reservation:
        """Charge the most that the turn can burn, or raise `LimitExceeded` or `Overtaken` with nothing charged.

        What an earlier call of the turn has reserved is taken up, and nothing charged.
        """
        if opened.ask.left is not None and opened.ask.left.claim is not None:
            return _taken_up(opened, opened.ask.left.claim)
        bound = most(opened.model.prices, input_bound(opened.request), opened.request.max_output_tokens)
        note = Note(opened.model.id, output_tokens=opened.request.max_output_tokens)
        claim = msgspec.structs.replace(self._claim(opened.caller, bound), lead=lead, note=note)
        if opened.memory.conversation is None:
            return self._begun(claim, opened.caller, opened.ask.left)
        turn = self._new_turn(opened, items_of(opened.ask.request.messages))
        turn = msgspec.structs.replace(turn, state="open", lease_until=claim.lease_until)
        return self._appended(claim, opened, turn)

    def charge_hit(
        self,
        opened: Opened,
        completion: Completion,
        target: str,
        *,
        cache: CacheOutcome = "hit",
        similarity: float | None = None,
    ) -> Reservation:
        """Count a request that was answered from the cache; it burned no tokens. How it was found is remembered."""
        if opened.ask.left is not None:
            return self._claim(opened.caller, Charge())  # it was charged when it was answered
        saved = charge(opened.model.prices, completion.usage)
        note = Note(opened.model.id, "semantic" if cache == "semantic" else "exact")
        claim = self._claim(opened.caller, Charge(requests=1))
        claim = msgspec.structs.replace(claim, final=True, saved=saved, note=note)
        if opened.memory.conversation is None:
            return self._reserved(claim, opened.caller)
        said = items_of(opened.ask.request.messages)
        turn = self._new_turn(opened, (*said, *items_of_completion(completion, "completed")))
        turn = msgspec.structs.replace(turn, target=target, usage=Usage(), cache=cache, similarity=similarity)
        return self._appended(claim, opened, turn)

    def reserve_plain(self, caller: Caller, estimate: Charge, left: Left | None = None, *, model: str) -> Reservation:
        """Reserve for a call that has no output, or take up what an earlier one has reserved."""
        if left is not None and left.claim is not None:
            return msgspec.structs.replace(left.claim, limits=caller.plan.limits)
        return self._begun(msgspec.structs.replace(self._claim(caller, estimate), note=Note(model)), caller, left)

    def hold(self, claim: Reservation, caller: Caller) -> Reservation:
        """Charge now what was to be charged at the end, for a turn that is to outlast this process."""
        return self._reserved(msgspec.structs.replace(claim, deferred=False), caller)

    def settle(
        self, claim: Reservation, burned: Charge, answered: Turn | None = None, *, output_tokens: int | None = None
    ) -> bool:
        """Correct the charge to what was burned, and remember the turn as it ended; whether the store could do so.

        Without `output_tokens` it is told as one that failed.
        Where it could not, the lease keeps the charge, so that the answer may be given, but for a conversation's turn.
        """
        try:
            if claim.deferred:
                self.turns.reserve(_final(claim, burned, output_tokens, int(self.clock())))
            elif not claim.unmetered:
                self.turns.settle(claim, Settlement(burned, answered, output_tokens))
        except StoreUnavailable:
            if answered is not None:
                raise  # what is not remembered was not said
            return False
        return True

    def abandon(self, claim: Reservation, *, burned: bool) -> None:
        """End a turn without an answer: forgotten, or charged in full where tokens may have been `burned`.

        Where the store cannot do so, its lease does.
        """
        with suppress(StoreUnavailable):
            if burned:
                self.settle(claim, claim.charge, ended(claim, Completion(), "", cut=True))
            elif not claim.unmetered:
                self.turns.release(claim)

    def _claim(self, caller: Caller, estimate: Charge) -> Reservation:
        now = int(caller.now)
        return Reservation(
            turn_id=caller.turn_id,
            subjects=subjects_of(caller.principal),
            limits=caller.plan.limits,
            charge=estimate,
            made_at=now,
            lease_until=now + self.lease_seconds,
            concurrent=caller.plan.concurrent,
            shards=caller.plan.shards,
            hot=caller.plan.hot if caller.plan.shards else (),
        )

    def _begun(self, claim: Reservation, caller: Caller, left: Left | None) -> Reservation:
        """Reserved, or left to be charged at its end where nothing could refuse it, here or in another Region."""
        is_bound = bool(claim.limits) or claim.concurrent is not None or claim.shards > 0
        if is_bound or claim.lead is not None or left is not None or self.fence is not ALONE:
            return self._reserved(claim, caller)
        return msgspec.structs.replace(claim, deferred=True)

    def _reserved(self, claim: Reservation, caller: Caller) -> Reservation:
        try:
            claim = self.fence.admit(claim)
            self.turns.reserve(msgspec.structs.replace(claim, seen=caller.balances) if caller.exact else claim)
        except LimitExceeded as full:
            full.standing = refused(standing(caller.plan, caller.balances, Charge(), caller.now), full.gauge)
            raise
        except NotFound as gone:
            gone.param = "conversation"
            raise
        except StoreBusy:
            raise  # the store is there: who writes too much at once opens no gate by it
        except StoreUnavailable:
            if claim.turn is not None or not caller.plan.fail_open:
                raise  # a conversation's turn could not be remembered
            return msgspec.structs.replace(claim, unmetered=True)
        return claim

    def _appended(self, claim: Reservation, opened: Opened, turn: Turn) -> Reservation:
        """Reserve together with the conversation's next turn, renumbered while parallel turns come first."""
        conversation_id = opened.ask.conversation or ""
        for _ in range(RENUMBERINGS):
            try:
                numbered = msgspec.structs.replace(claim, conversation=conversation_id, turn=turn)
                return self._reserved(numbered, opened.caller)
            except Conflict:
                head = self.conversations.get(opened.principal.owner, conversation_id)
                turn = msgspec.structs.replace(turn, number=self._next(opened.principal, head.last))
        raise Conflict(f"Too many parallel turns in conversation '{conversation_id}'.")

    def _new_turn(self, opened: Opened, items: tuple[Item, ...]) -> Turn:
        last = opened.memory.conversation.last if opened.memory.conversation else 0
        return _turn(opened, items, self._next(opened.principal, last))

    def _next(self, principal: Principal, last: int) -> int:
        """The number of a conversation's next turn: behind all that may have been said before its home was moved."""
        return max(last, self.fence.floor(principal.tenant_tag)) + 1


def ended(claim: Reservation, completion: Completion, target: str, *, cut: bool) -> Turn | None:
    """The turn that `claim` opened, as it is to be remembered."""
    if claim.turn is None:
        return None
    answer = items_of_completion(completion, "incomplete" if cut else "completed")
    return msgspec.structs.replace(
        claim.turn,
        items=(*claim.turn.items, *answer),
        state="cut" if cut else "done",
        target=target,
        usage=completion.usage,
        lease_until=0,
    )


def _final(claim: Reservation, burned: Charge, output_tokens: int | None, now: int) -> Reservation:
    """A deferred claim as it is charged `now`; without `output_tokens` it is told as one that failed."""
    became: dict[str, object] = {"outcome": "failed"} if output_tokens is None else {"output_tokens": output_tokens}
    note = claim.note and msgspec.structs.replace(claim.note, **became)
    return msgspec.structs.replace(claim, deferred=False, final=True, made_at=now, charge=burned, note=note)


def _taken_up(opened: Opened, claim: Reservation) -> Reservation:
    """What was reserved for the turn, which keeps its number."""
    claim = msgspec.structs.replace(claim, limits=opened.caller.plan.limits)
    place = opened.ask.left.place if opened.ask.left else None
    if place is None:
        return claim
    turn = _turn(opened, items_of(opened.ask.request.messages), place.number)
    turn = msgspec.structs.replace(turn, state="open", lease_until=claim.lease_until)
    return msgspec.structs.replace(claim, conversation=place.conversation, turn=turn)


def _turn(opened: Opened, items: tuple[Item, ...], number: int) -> Turn:
    return Turn(
        id=opened.ask.turn_id,
        number=number,
        created_at=int(opened.ask.now),
        items=items,
        model=opened.model.id,
    )
