"""Reservations in memory."""

from __future__ import annotations

import msgspec

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.budget import WINDOWS, Charge, period
from chalicelib.domain.conversation import Removed, Turn, TurnRef
from chalicelib.domain.daybook import RefusedTurns, day_of, user_of
from chalicelib.domain.errors import Conflict, LimitExceeded
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.lead import Lead, Overtaken
from chalicelib.domain.ledger import Demand, counts, demands, owner_of, refuse_busy, subjects_of
from chalicelib.domain.lessons import Course
from chalicelib.domain.turn import CachedAnswer, Cue, LeaseState, Left, Memory, Reservation, Settlement
from chalicelib.domain.usage import Tally


class MemoryTurns:
    """`Turns` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._refused = RefusedTurns()

    def recall(self, cue: Cue) -> Memory:
        """Everything at one moment."""
        shelf, subjects, tag = self._shelf, subjects_of(cue.credential), cue.credential.tenant_tag
        with shelf.lock:
            head = shelf.heads.get(cue.conversation or "")
            found = {key: shelf.found(key, cue.now) for key in cue.answers}
            return Memory(
                key=shelf.keys.get(cue.credential.key_id),
                plans=dict(shelf.plans),
                balances=shelf.balances(subjects, cue.now),
                answers={key: each for key, each in found.items() if isinstance(each, CachedAnswer)},
                leads={key: each for key, each in found.items() if isinstance(each, Lead)},
                conversation=head if head and head.owner == owner_of(subjects) else None,
                marks=dict.fromkeys(cue.scopes, "1"),
                purges=shelf.purges.get(tag, ()) if cue.answers else (),
                fit=shelf.namespaces.get(cue.namespace, Course()).calibration if cue.namespace else None,
                targets={name: shelf.breakers.get(name, Breaker()) for name in cue.targets},
                tenant=next((each for each in shelf.tenants.values() if tenant_tag(each.tenant) == tag), None),
                exact=True,
            )

    def reserve(self, reservation: Reservation) -> None:
        """Look at everything, then write everything."""
        try:
            self._reserve(reservation, demands(reservation))
        except LimitExceeded:
            self._refused.add(reservation)
            raise

    def _reserve(self, reservation: Reservation, wanted: tuple[Demand, ...]) -> None:
        with self._shelf.lock:
            if reservation.turn_id in self._shelf.leases:
                self._keep_on(reservation)
                return
            self._follow(reservation)
            opening = reservation.conversation is not None and reservation.turn is not None
            head = self._shelf.head(owner_of(reservation.subjects), str(reservation.conversation)) if opening else None
            self._find_room(reservation, wanted)
            if head is not None and reservation.turn is not None:
                self._open(reservation.turn, head.id)
            self._add(reservation, reservation.charge)
            if reservation.lead is not None:
                self._shelf.leads[reservation.lead.key] = reservation.lead
            self._shelf.leases[reservation.turn_id] = "settled" if reservation.final else "open", reservation

    def settle(self, reservation: Reservation, settlement: Settlement) -> None:
        """Correct the windows that were charged, once."""
        with self._shelf.lock:
            if self._close(reservation, "settled"):
                self._add(reservation, settlement.charge - reservation.charge)
                self._tell(reservation, settlement)
                self._replace_turn(reservation, settlement.turn)

    def release(self, reservation: Reservation) -> None:
        """Take the charge back, once; a reservation that never arrived is kept from arriving."""
        with self._shelf.lock:
            self._shelf.leases.setdefault(reservation.turn_id, ("released", reservation))
            if self._close(reservation, "released"):
                self._add(reservation, Charge() - reservation.charge)
                if self._turn(reservation) and reservation.turn:
                    del self._shelf.turns[str(reservation.conversation)][reservation.turn.number]

    def left(self, turn_id: str) -> Left | None:
        """The lease as it is."""
        with self._shelf.lock:
            state, claim = self._shelf.leases.get(turn_id, (None, None))
        if state is None or claim is None:
            return None
        place = TurnRef(claim.conversation, claim.turn.number) if claim.conversation and claim.turn else None
        stored = msgspec.structs.replace(claim, limits=(), turn=None, lead=None, away=(), seen={})
        return Left(state, None if claim.final else stored, place)

    def expire(self, before: float, limit: int) -> int:
        """End open leases in the order in which they were made."""
        with self._shelf.lock:
            overdue = [
                reservation
                for state, reservation in self._shelf.leases.values()
                if state == "open" and reservation.lease_until < before
            ][:limit]
            for reservation in overdue:
                self._shelf.leases[reservation.turn_id] = "expired", reservation
                if turn := self._turn(reservation):
                    self._replace_turn(reservation, msgspec.structs.replace(turn, state="cut"))
            return len(overdue)

    def _follow(self, reservation: Reservation) -> None:
        """`Overtaken` where another leads or the answer is there."""
        lead = reservation.lead
        if lead is not None and self._shelf.found(lead.key, lead.since) is not None:
            raise Overtaken

    def _find_room(self, reservation: Reservation, wanted: tuple[Demand, ...]) -> None:
        subjects = {subject.kind: subject for subject in reservation.subjects}
        for demand in wanted:
            used = self._shelf.used.get((subjects[demand.limit.subject], demand.period.label), Charge())
            if used.of(demand.meter) > demand.room:
                raise demand.refusal(used.of(demand.meter), reservation.made_at)
        if reservation.concurrent is None or not counts(reservation):
            return
        running = self._shelf.running(subjects["key"])
        if running >= reservation.concurrent:
            raise refuse_busy(reservation.concurrent, running)

    def _keep_on(self, reservation: Reservation) -> None:
        """`Conflict` where the turn was reserved under another number, or is over."""
        state, known = self._shelf.leases[reservation.turn_id]
        if (known.turn and known.turn.number) != (reservation.turn and reservation.turn.number):
            raise Conflict(f"Turn '{reservation.turn_id}' has another number already.")
        if state not in ({"settled"} if reservation.final else {"open", "expired"}):
            raise Conflict(f"Turn '{reservation.turn_id}' is over.")

    def _open(self, turn: Turn, conversation_id: str) -> None:
        head = self._shelf.heads[conversation_id]
        if head.last >= turn.number:
            raise Conflict(f"Conversation '{conversation_id}' went on meanwhile.")
        self._shelf.heads[conversation_id] = msgspec.structs.replace(head, last=turn.number)
        self._shelf.turns[conversation_id][turn.number] = turn

    def _add(self, reservation: Reservation, charge: Charge) -> None:
        for subject in reservation.subjects:
            for window in WINDOWS:
                place = subject, period(window, reservation.made_at).label
                self._shelf.used[place] = self._shelf.used.get(place, Charge()) - (Charge() - charge)

    def _tell(self, reservation: Reservation, settlement: Settlement) -> None:
        self._shelf.ends[reservation.turn_id] = settlement
        refused = self._refused.take(reservation).get("refused")
        if refused is not None and reservation.note is not None:
            place = user_of(reservation), day_of(reservation).label, reservation.note.model
            self._shelf.refused[place] = self._shelf.refused.get(place, Tally()) + refused

    def _close(self, reservation: Reservation, state: LeaseState) -> bool:
        """Whether this call ended the reservation."""
        lease = self._shelf.leases.get(reservation.turn_id)
        if lease is None or lease[0] not in {"open", "expired"}:
            return False
        self._shelf.leases[reservation.turn_id] = state, lease[1]
        return True

    def _turn(self, reservation: Reservation) -> Turn | None:
        """The reservation's turn, if nobody deleted it."""
        turns = self._shelf.turns.get(reservation.conversation or "", {})
        turn = turns.get(reservation.turn.number) if reservation.turn else None
        return turn if turn and turn.id == reservation.turn_id else None

    def _replace_turn(self, reservation: Reservation, turn: Turn | None) -> None:
        stored = self._turn(reservation)
        if stored is None or turn is None:
            return
        gone = {place for place, item in enumerate(stored.items) if isinstance(item, Removed)}
        items = tuple(Removed() if place in gone else item for place, item in enumerate(turn.items))
        kept = msgspec.structs.replace(turn, id=stored.id, number=stored.number, items=items)
        self._shelf.turns[str(reservation.conversation)][stored.number] = kept
