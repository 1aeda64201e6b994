"""One user's traces removed everywhere, with calls of theirs still under way.

    bar -> revoke -> look (and remove) -> look -> ... -> nothing found, twice, the longest call apart -> done
                     └── in the call itself ──┘   └── each minute, by a worker ──┘

Until it is done the user gets no new key: what a late writer brings back is read by nobody, and the next look finds it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from chalicelib.domain.entries import Purge
from chalicelib.domain.erasure import Erasure, Found, advanced, owner_of
from chalicelib.domain.errors import NotFound, QueueUnavailable
from chalicelib.domain.identity import tenant_tag, user_tag
from chalicelib.domain.jobs import Message
from chalicelib.domain.trail import By, key_ended
from chalicelib.ports import Clock, Decisions, JobQueue, Keys, VectorIndex
from chalicelib.ports.erasures import Belongings, Erasures

AT_ONCE: Final = 500  # of each kind
BUSY_SECONDS: Final = 15  # in which a call looks again where there is more
_KEYS: Final = 100
_PENDING: Final = 100

Stop = Callable[[str, str], object]
"""Ends a job of an owner, or has its worker stop."""


@dataclass(frozen=True, slots=True)
class Eraser:
    """What an administrator starts and workers carry on; two at once do no harm.

    `index` is made when asked for. `expel` ends the connections of a key.
    """

    erasures: Erasures
    belongings: Belongings
    keys: Keys
    decisions: Decisions
    index: Callable[[], VectorIndex]
    expel: Callable[[str], int]
    clock: Clock

    def get(self, tenant: str, user: str) -> Erasure:
        """The user's last erasure; `NotFound` where there was none."""
        found = self.erasures.get(owner_of(tenant, user))
        if found is None:
            raise NotFound("erasure", user)
        return found

    def begin(self, tenant: str, user: str, stop: Stop, by: By) -> Erasure:
        """Erase a user, or go on with it: nothing of theirs is read any more once this returns."""
        found = self.erasures.get(owner_of(tenant, user))
        if found is None or found.status == "done":
            found = Erasure(tenant=tenant, user=user, started_at=int(self.clock()))
            self.erasures.put(found, by.did("user.erase", user, whose=(tenant, user)))
        self._lock_out(tenant, user, by)
        self.decisions.forbid(_purge(found), self.clock())
        return self._advance(found, stop)

    def go_on(self, owner: str, stop: Stop) -> Erasure | None:
        """Look again, where there is something to look for."""
        found = self.erasures.get(owner)
        return found if found is None or found.status == "done" else self._advance(found, stop)

    def _lock_out(self, tenant: str, user: str, by: By) -> None:
        """Revoke every key of the user, and end its connections."""
        after, more = None, True
        while more:
            keys, more = self.keys.list(tenant, user, after=after, limit=_KEYS)
            for key in keys:
                self.keys.revoke(key.key_id, int(self.clock()), partial(key_ended, by, "key.revoke"))
                self.expel(key.key_id)
                after = key.key_id

    def _advance(self, erasure: Erasure, stop: Stop) -> Erasure:
        until = self.clock() + BUSY_SECONDS
        while True:
            found = self._look(erasure, stop)
            now = advanced(erasure, found, self.clock())
            if now.status == "done":
                self.belongings.finish(now)
            if not self.erasures.replace(erasure, now):
                return self.erasures.get(erasure.owner) or now
            erasure = now
            if not found.cut or self.clock() > until:
                return erasure

    def _look(self, erasure: Erasure, stop: Stop) -> Found:
        for job in self.belongings.jobs(erasure.owner):
            with suppress(NotFound):
                stop(erasure.owner, job)
        found = self.belongings.take(erasure, self.clock(), AT_ONCE)
        questions = self.index().purge(_purge(erasure), self.clock())
        return Found({**found.counts, "questions": questions}, found.waits, found.cut)


def remind(erasures: Erasures, queue: JobQueue) -> int:
    """Have workers go on with what is to be erased; how many users that is. Safe to run twice at once."""
    pending = erasures.pending(_PENDING)
    with suppress(QueueUnavailable):  # within a minute there is another try
        for owner in pending:
            queue.send(Message(owner, owner, errand="erasure"))
    return len(pending)


def _purge(erasure: Erasure) -> Purge:
    return Purge(tenant_tag(erasure.tenant), user_tag(erasure.tenant, erasure.user))
