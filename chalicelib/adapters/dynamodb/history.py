"""What was used in periods that are over: further attributes of the items that count what is used now."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.adapters.dynamodb import daybook
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.ledger import balances, saved
from chalicelib.adapters.dynamodb.shards import accounts
from chalicelib.adapters.dynamodb.table import Attributes
from chalicelib.domain.budget import Period, Subject
from chalicelib.domain.usage import Day, Past, remembered, remembers_savings


class DynamoUsageHistory:
    """`UsageHistory` over the ledger's table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def past(self, subjects: Sequence[Subject], now: float) -> Sequence[Past]:
        """One BatchGetItem, and one for the shards of those that are hot."""
        found = accounts(self._database, subjects)
        return [_past(subject, each, found[subject], now) for subject in subjects for each in remembered(now)]

    def days(self, user: Subject, now: float) -> Sequence[Day]:
        """One BatchGetItem, and a Query; a hot user's shards are one more each."""
        return daybook.days(self._database, user, now)


def _past(subject: Subject, when: Period, item: Attributes, now: float) -> Past:
    used = balances({subject.kind: item}, when.starts)[subject.kind, when.window]
    known = remembers_savings(when, now)
    return Past(subject, when, used, saved(item, when.window, when.starts) if known else None)
