"""Equal questions at once ask the model once: one turn leads, the others wait for its answer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import msgspec
from msgspec import Struct

from chalicelib.domain.budget import carried
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.lead import Lead, Overtaken
from chalicelib.domain.turn import CachedAnswer, Opened, Reservation
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.cache import AnswerCache
from chalicelib.ports import Answers, Clock

LEADS: Final = 2  # for which a turn waits: the second makes up for one that came to nothing
FIRST_PAUSE: Final = 0.03
LONGEST_PAUSE: Final = 0.5
GROWTH: Final = 1.5


class Boarded(Struct, frozen=True):
    """How a turn goes on after waiting, as it is `opened` then: with another's answer, or reserved to ask a model."""

    found: CachedAnswer | Reservation
    opened: Opened
    waited_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class SingleFlight:
    """Whatever fails in it costs a call to the model, and nothing else.

    A lead lasts `lease_seconds` (0: nobody leads and nobody waits), so that one that died is made up for. A turn waits
    `patience_seconds` at most, then it asks the model without a lead. `pause` takes the most seconds that it may last.
    """

    answers: Answers
    admission: Admission
    cache: AnswerCache
    lease_seconds: int
    patience_seconds: float
    clock: Clock
    pause: Callable[[float], None]

    def board(self, opened: Opened) -> Boarded:
        """Lead, or wait for who does; `LimitExceeded` with nothing charged where the turn may not even ask."""
        if opened.place is None or not self._is_shareable(opened, opened.place.key):
            return Boarded(self.admission.reserve(opened), opened)
        begun = self.clock()
        found, opened = self._joined(opened, opened.place.key, begun + self.patience_seconds)
        waited = self.clock() - begun
        return Boarded(found or self.admission.reserve(opened), opened, waited)

    def cede(self, claim: Reservation) -> None:
        """Let another lead, since this turn has no answer that others may have."""
        if claim.lead is not None:
            with suppress(StoreUnavailable):  # then its lease ends it
                self.answers.cede(claim.lead)

    def _is_shareable(self, opened: Opened, key: str) -> bool:
        """Whether the answer will be there for others; none that is there already is too long for this turn."""
        control = opened.ask.cache
        if not self.lease_seconds or (control is not None and (control.no_cache or control.ttl == 0)):
            return False
        return key not in opened.memory.answers and self.cache.keeps(opened)

    def _joined(self, opened: Opened, key: str, until: float) -> tuple[CachedAnswer | Reservation | None, Opened]:
        """What a leader answered, or a claim to lead; None where neither came of it. And the turn as it is then."""
        ahead = _of_another(opened.memory.leads.get(key), opened)
        for _ in range(LEADS):
            if ahead is None:
                with suppress(Overtaken):
                    return self._led(opened, key), opened
            found = self._after(ahead, key, until)
            opened = _later(opened, self.clock())
            if isinstance(found, CachedAnswer):
                return (found if self.cache.fits(found, opened) else None), opened
            if self.clock() >= until:
                break
            ahead = _of_another(found, opened)
        return None, opened

    def _led(self, opened: Opened, key: str) -> Reservation:
        now = int(self.clock())
        return self.admission.reserve(opened, Lead(key, opened.ask.turn_id, now, now + self.lease_seconds))

    def _after(self, ahead: Lead | None, key: str, until: float) -> CachedAnswer | Lead | None:
        """What comes after a lead (None: after the first that is seen): an answer, another lead, or nothing in time."""
        longest = FIRST_PAUSE
        while (left := until - self.clock()) > 0:
            self.pause(min(longest, left))
            longest = min(longest * GROWTH, LONGEST_PAUSE)
            try:
                found = self.answers.look(key, self.clock())
            except StoreUnavailable:
                return None
            if not isinstance(found, Lead) or (ahead is not None and found.turn_id != ahead.turn_id):
                return found
            ahead = found
        return None


def _later(opened: Opened, now: float) -> Opened:
    """The turn after a wait, in which what was used may have been given back, and windows have begun anew."""
    caller = opened.caller
    balances = carried(caller.balances, caller.now, now)
    return msgspec.structs.replace(
        opened, caller=msgspec.structs.replace(caller, now=now, balances=balances, exact=False)
    )


def _of_another(found: Lead | None, opened: Opened) -> Lead | None:
    """The turn's own lead is nobody to wait for: it came late, or from a call that broke off."""
    return found if found is not None and found.turn_id != opened.ask.turn_id else None
