"""What a turn reads before it begins, in one BatchGetItem over every table that it needs."""

from __future__ import annotations

from math import inf
from typing import Final

from chalicelib.adapters.dynamodb import batch
from chalicelib.adapters.dynamodb.answers import found_in
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.decision_items import fit_in, namespace_key, purges_in, purges_key
from chalicelib.adapters.dynamodb.entries import mark_of
from chalicelib.adapters.dynamodb.entry_items import scope_head_key
from chalicelib.adapters.dynamodb.keys import key_of, plans_of, tenant_of
from chalicelib.adapters.dynamodb.ledger import balances, outdated
from chalicelib.adapters.dynamodb.shards import LEASED_TO
from chalicelib.adapters.dynamodb.table import (
    PLANS,
    Attributes,
    answer_key,
    breaker_key,
    conversation_of,
    head_key,
    identity,
    key_key,
    subject_key,
    tagged_tenant_key,
)
from chalicelib.adapters.dynamodb.targets import breaker_of
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.budget import Balances, Plan, Subject
from chalicelib.domain.conversation import Conversation
from chalicelib.domain.entries import AnswerScope
from chalicelib.domain.lead import Lead
from chalicelib.domain.ledger import owner_of, subjects_of
from chalicelib.domain.turn import CachedAnswer, Cue, Memory
from chalicelib.domain.verdicts import Calibration, Namespace

PLANS_SECONDS: Final = 30  # how long a plan that was replaced may stay in force
_REMEMBERED: Final = 2_000  # subjects; what is forgotten is seen again by the next recall


class Recall:
    """Reads for one process: it keeps the plans for a while, and remembers what the ledger may forget."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._plans: tuple[float, dict[str, Plan]] = (-inf, {})
        self._outdated: dict[Subject, tuple[str, ...]] = {}

    def __call__(self, cue: Cue) -> Memory:
        """Everything in one round trip; what has expired is as if it were gone."""
        tables = self._database.tables
        subjects = subjects_of(cue.credential)
        tenant = tagged_tenant_key(cue.credential.tenant_tag)
        fresh = 0 <= cue.now - self._plans[0] < PLANS_SECONDS
        wanted = {
            tables.access: [key_key(cue.credential.key_id), tenant, *([] if fresh else [PLANS])],
            tables.ledger: [*map(subject_key, subjects), *map(breaker_key, cue.targets)],
            tables.entries: [*map(scope_head_key, cue.scopes), *_beside(cue)],
            tables.answers: [answer_key(key) for key in dict.fromkeys(cue.answers)],
            tables.conversations: [head_key(cue.conversation)] if cue.conversation else [],
        }
        found = batch.read(self._database, wanted)
        if not fresh:
            self._plans = (cue.now, plans_of(found.get((tables.access, *identity(PLANS)), {})))
        key = found.get((tables.access, *identity(key_key(cue.credential.key_id))))
        own = found.get((tables.access, *identity(tenant)))
        used = {each: found.get((tables.ledger, *identity(subject_key(each))), {}) for each in subjects}
        cached = {key: found_in(found.get((tables.answers, key, "")), cue.now) for key in cue.answers}
        return Memory(
            key=key_of(key) if key else None,
            plans=self._plans[1],
            balances=self._balances(used, cue.now),
            answers={key: each for key, each in cached.items() if isinstance(each, CachedAnswer)},
            leads={key: each for key, each in cached.items() if isinstance(each, Lead)},
            conversation=self._conversation(cue, subjects, found),
            tenant=tenant_of(own) if own else None,
            marks={scope: self._mark(scope, found) for scope in cue.scopes},
            purges=purges_in(found.get((tables.entries, *identity(purges_key(cue.credential.tenant_tag))))),
            fit=self._fit(cue.namespace, found),
            targets={name: self._breaker(name, found) for name in cue.targets},
            exact=not any(LEASED_TO in item for item in used.values()),
        )

    def outdated(self, subject: Subject) -> tuple[str, ...]:
        """The attributes that the next charge may remove, told once."""
        return self._outdated.pop(subject, ())

    def _balances(self, used: dict[Subject, Attributes], now: float) -> Balances:
        if len(self._outdated) > _REMEMBERED:
            self._outdated.clear()
        for subject, item in used.items():
            if old := outdated(item, now):
                self._outdated[subject] = old
        return balances({subject.kind: item for subject, item in used.items()}, now)

    def _mark(self, scope: AnswerScope, found: batch.Found) -> str:
        return mark_of(scope, found.get((self._database.tables.entries, *identity(scope_head_key(scope)))))

    def _fit(self, namespace: Namespace | None, found: batch.Found) -> Calibration | None:
        if namespace is None:
            return None
        return fit_in(found.get((self._database.tables.entries, *identity(namespace_key(namespace)))), namespace)

    def _breaker(self, name: str, found: batch.Found) -> Breaker:
        return breaker_of(found.get((self._database.tables.ledger, *identity(breaker_key(name)))))

    def _conversation(self, cue: Cue, subjects: tuple[Subject, ...], found: batch.Found) -> Conversation | None:
        head = found.get((self._database.tables.conversations, cue.conversation or "", "head"))
        if head is None or head.get("owner") != {"S": owner_of(subjects)}:
            return None
        return conversation_of(head)


def _beside(cue: Cue) -> list[Attributes]:
    """What the cache reads besides answers and scopes: what was purged, and a fit that is due."""
    purges = [purges_key(cue.credential.tenant_tag)] if cue.answers else []
    return purges if cue.namespace is None else [*purges, namespace_key(cue.namespace)]
