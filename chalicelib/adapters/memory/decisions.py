"""Decisions and lessons of the semantic cache in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

import msgspec

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.domain.entries import Purge
from chalicelib.domain.lessons import Course, Feedback, Found, Offer, Ruling, Search
from chalicelib.domain.purges import added, ended
from chalicelib.domain.trail import Event
from chalicelib.domain.turn import CachedAnswer
from chalicelib.domain.verdicts import Namespace


class MemoryDecisions:
    """`Decisions` over a shelf, which forgets none of them."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def put(self, ruling: Ruling) -> None:
        """Under the turn's id."""
        with self._shelf.lock:
            self._shelf.told[ruling.scope.tenant, ruling.id] = ruling
            self._shelf.namespaces.setdefault(ruling.namespace, Course())

    def get(self, tenant: str, turn_id: str) -> Ruling | None:
        """What was kept."""
        told = self._shelf.told.get((tenant, turn_id))
        return told if isinstance(told, Ruling) else None

    def requested(self, tenant: str, request_id: str) -> Ruling | None:
        """Looks through all of them."""
        return next((each for each in self._newest(tenant) if each.request_id == request_id), None)

    def page(self, search: Search) -> Found:
        """A full page, while there are as many."""
        meant = [each for each in self._newest(search.tenant) if search.admits(each)]
        later = [each for each in meant if search.before is None or each.id < search.before]
        page = tuple(later[: search.limit])
        return Found(page, page[-1].id if len(later) > len(page) else None)

    def correct(self, feedback: Feedback) -> bool:
        """Both at once."""
        ruling, tenant = feedback.ruling, feedback.ruling.scope.tenant
        with self._shelf.lock:
            known = self.get(tenant, ruling.id)
            if known is None or known.correct == ruling.correct:
                return False
            self._shelf.told[tenant, ruling.id] = msgspec.structs.replace(known, correct=ruling.correct)
            self._shelf.told[tenant, feedback.id] = feedback
            return True

    def offer(self, key: str, now: float) -> Offer:
        """Both at once."""
        answer = self._shelf.answers.get(key)
        floor, until = self._shelf.floors.get(key, (-inf, 0))
        return Offer(answer if answer and answer.expires_at > now else None, floor if until > now else -inf)

    def lift(self, key: str, floor: float, until: int) -> None:
        """The higher one stays."""
        with self._shelf.lock:
            if self._shelf.floors.get(key, (-inf, 0))[0] < floor:
                self._shelf.floors[key] = (floor, until)

    def drop(self, key: str) -> None:
        """At once."""
        with self._shelf.lock:
            self._shelf.answers.pop(key, None)

    def forbid(self, purge: Purge, now: float, note: Event | None = None) -> None:
        """At once."""
        with self._shelf.lock:
            known = self._shelf.purges.get(purge.tenant, ())
            self._shelf.purges[purge.tenant] = added(known, ended(purge, now), now)
            self._shelf.note(note)

    def _newest(self, tenant: str) -> list[Ruling]:
        own = sorted((place for place in self._shelf.told if place[0] == tenant), reverse=True)
        return [told for place in own if isinstance(told := self._shelf.told[place], Ruling)]


class MemoryLessons:
    """`Lessons` over a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def namespaces(self) -> Sequence[Namespace]:
        """By the time of the last refit."""
        return sorted(self._shelf.namespaces, key=lambda each: self._shelf.namespaces[each].refitted_at)

    def course(self, namespace: Namespace) -> Course:
        """What was saved."""
        return self._shelf.namespaces.get(namespace, Course())

    def since(self, tenant: str, after: str, until: str, most: int) -> Sequence[Ruling | Feedback]:
        """By their ids."""
        told = sorted((place, each) for (owner, place), each in self._shelf.told.items() if owner == tenant)
        return [each for place, each in told if after < place <= until][-most:]

    def save(self, namespace: Namespace, course: Course) -> bool:
        """Where the version is the next one."""
        with self._shelf.lock:
            if self.course(namespace).version != course.version - 1:
                return False
            self._shelf.namespaces[namespace] = course
            return True

    def answers(self, keys: Sequence[str], now: float) -> Mapping[str, CachedAnswer]:
        """What has not expired."""
        found = {key: self._shelf.answers[key] for key in keys if key in self._shelf.answers}
        return {key: answer for key, answer in found.items() if answer.expires_at > now}
