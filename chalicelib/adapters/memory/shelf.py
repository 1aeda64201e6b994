"""What the memory adapters share: plain dicts behind one lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock

from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.budget import WINDOWS, Balances, Charge, Plan, Subject, Window, period
from chalicelib.domain.conversation import Conversation, Turn
from chalicelib.domain.daybook import Told, day_of, told, user_of
from chalicelib.domain.entries import Purge
from chalicelib.domain.errors import NotFound
from chalicelib.domain.identity import Key, Tenant
from chalicelib.domain.lead import Lead
from chalicelib.domain.lessons import Course, Feedback, Ruling
from chalicelib.domain.trail import Event
from chalicelib.domain.turn import CachedAnswer, LeaseState, Reservation, Settlement
from chalicelib.domain.usage import Tally, Use
from chalicelib.domain.verdicts import Namespace


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
    leads: dict[str, Lead] = field(default_factory=dict)
    heads: dict[str, Conversation] = field(default_factory=dict)
    turns: dict[str, dict[int, Turn]] = field(default_factory=dict)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    leased: dict[tuple[str, int], Block] = field(default_factory=dict)
    told: dict[tuple[str, str], Ruling | Feedback] = field(default_factory=dict)
    namespaces: dict[Namespace, Course] = field(default_factory=dict)
    floors: dict[str, tuple[float, int]] = field(default_factory=dict)
    purges: dict[str, tuple[Purge, ...]] = field(default_factory=dict)
    events: dict[str, Event] = field(default_factory=dict)
    ends: dict[str, Settlement] = field(default_factory=dict)
    refused: dict[tuple[Subject, str, str], Tally] = field(default_factory=dict)

    def note(self, event: Event | None) -> None:
        """Keep an event, where there is one; the first of an id stays."""
        with self.lock:
            if event is not None:
                self.events.setdefault(event.id, event)

    def balances(self, subjects: tuple[Subject, ...], now: float) -> Balances:
        """What the subjects used in the windows of `now`."""
        return {
            (subject.kind, window): self.used.get((subject, period(window, now).label), Charge())
            for subject in subjects
            for window in WINDOWS
        }

    def found(self, key: str, now: float) -> CachedAnswer | Lead | None:
        """What is at an answer's key and not over."""
        answer, lead = self.answers.get(key), self.leads.get(key)
        if answer is not None and answer.expires_at > now:
            return answer
        return lead if lead is not None and lead.until > now else None

    def running(self, subject: Subject) -> int:
        """How many turns of the subject are open."""
        return len(self._open(subject))

    def held(self, subject: Subject) -> Charge:
        """What open turns have reserved."""
        return Charge(
            tokens=sum(each.charge.tokens for each in self._open(subject)),
            usd_micros=sum(each.charge.usd_micros for each in self._open(subject)),
        )

    def uses(self, subject: Subject, now: float) -> dict[Window, Use]:
        """What the subject used, held and saved in the windows of `now`."""
        return {
            window: Use(used, self.held(subject), self.saved(subject, window, now))
            for (_, window), used in self.balances((subject,), now).items()
        }

    def saved(self, subject: Subject, window: Window, now: float) -> Charge:
        """What the cache saved in the day or month of `now`: hits, tokens and micro-USD."""
        label = period(window, now).label
        if window == "minute":
            return Charge()
        hits = [
            each.saved
            for state, each in self.leases.values()
            if state == "settled" and subject in each.subjects and period(window, each.made_at).label == label
        ]
        return Charge(
            requests=sum(each.requests for each in hits),
            tokens=sum(each.tokens for each in hits),
            usd_micros=sum(each.usd_micros for each in hits),
        )

    def told_in(self, user: Subject, label: str) -> dict[str, Told]:
        """What became of the user's turns of the day of that label, by model."""
        days: dict[str, Told] = {
            model: {"refused": tally}
            for (who, day, model), tally in self.refused.items()
            if (who, day) == (user, label)
        }
        for turn_id, (state, claim) in self.leases.items():
            if claim.note is not None and (user_of(claim), day_of(claim).label) == (user, label):
                for outcome, tally in told(claim, state, self.ends.get(turn_id)).items():
                    found = days.setdefault(claim.note.model, {})
                    found[outcome] = found.get(outcome, Tally()) + tally
        return days

    def _open(self, subject: Subject) -> list[Reservation]:
        return [each for state, each in self.leases.values() if state == "open" and subject in each.subjects]

    def head(self, owner: str, conversation_id: str) -> Conversation:
        """The owner's conversation, or `NotFound`."""
        head = self.heads.get(conversation_id)
        if head is None or head.owner != owner:
            raise NotFound("conversation", conversation_id)
        return head
