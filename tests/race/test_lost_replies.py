"""The reply to every request is lost, and the client sends it again, as it does by default: nothing counts twice.

Every fourth operation loses as many as the client sends, so that the caller repeats it.

`LOST_REPLIES` says how many operations there are; the promise is about 10,000.
"""

import os
import random
from functools import partial
from types import SimpleNamespace

import botocore.endpoint
import pytest
from botocore.exceptions import ReadTimeoutError

from chalicelib.domain.budget import METERS, Charge, Limit, period
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import (
    ADA,
    LEASE_SECONDS,
    NOW,
    OWNER,
    answered,
    conversation,
    in_conversation,
    reservation,
)
from tests.race.test_rates import Log

OPERATIONS = int(os.environ.get("LOST_REPLIES", "120"))
LIMITS = (Limit("tenant", "month", tokens=10**9), Limit("key", "day", requests=10**6))
HOT = {"shards": 3, "hot": ("tenant",)}
BETWEEN_SWEEPS = 30
ATTEMPTS = 3  # of the client that the adapter makes
REPETITIONS = 4 * ATTEMPTS  # of a sweep, which sends four kinds of requests


class Losing:
    """A connection that loses the first replies to each kind of request since `begin`."""

    def __init__(self, session):
        self._session = session
        self._left = {}
        self._count = 0
        self.lost = 0

    def begin(self, count):
        self._left.clear()
        self._count = count

    def send(self, request):
        reply = self._session.send(request)
        kind = request.headers["x-amz-target"]
        left = self._left.setdefault(kind, self._count)
        if left:
            self._left[kind] -= 1
            self.lost += 1
            raise ReadTimeoutError(endpoint_url=request.url)
        return reply


@pytest.fixture
def losing(make_stores, monkeypatch):
    """Stores whose client waits for nothing before it sends again."""
    stores = make_stores()
    direct = stores.database._reach()
    session = Losing(direct.http)
    monkeypatch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
    monkeypatch.setattr(direct, "http", session)
    return stores, session


class Ledger:
    """Makes one operation after the other, and notes what each must have counted."""

    def __init__(self, stores, session):
        self.stores = stores
        self.session = session
        self.turns = stores.turns
        self.draw = random.Random(5)
        self.log = Log()
        self.operations = self.number = self.spoken = self.repeated = 0
        self.now = NOW

    def claim(self, **fields):
        self.number += 1
        self.now = NOW + self.number // 60  # within three minutes: older ones may go
        charge = Charge(1, self.draw.randint(1, 400), self.draw.randint(1, 40))
        return reservation(f"t-{self.number}", charge=charge, limits=LIMITS, now=self.now, **fields)

    def settled(self, claim):
        burned = Charge(1, self.draw.randint(0, claim.charge.tokens), self.draw.randint(0, claim.charge.usd_micros))
        self._does(
            claim, burned, self.turns.reserve, lambda claim: self.turns.settle(claim, answered(claim, charge=burned))
        )

    def plain(self):
        self.settled(self.claim())

    def hot(self):
        self.settled(self.claim(**HOT))

    def said(self):
        self.spoken += 1
        claim = self.claim()
        self.settled(in_conversation(claim.turn_id, self.spoken, charge=claim.charge, limits=LIMITS, now=self.now))

    def released(self):
        self._does(self.claim(), Charge(), self.turns.reserve, self.turns.release)

    def hit(self):
        claim = self.claim(final=True)
        self._does(claim, claim.charge, self.turns.reserve)

    def left(self):
        claim = self.claim()
        self._does(claim, claim.charge, self.turns.reserve)

    def sweep(self):
        self._insists(lambda: self.turns.expire(self.now + LEASE_SECONDS + 1, 1_000))

    def _does(self, claim, charge, *operations):
        for each in operations:
            self._insists(partial(each, claim))
        self.log.add(claim, charge)

    def _insists(self, operation):
        """As a caller does whose client gave up: the client's name for the request is new then, the turn's is not."""
        self.operations += 1
        self.session.begin(1 if self.operations % 4 else ATTEMPTS)
        for _ in range(REPETITIONS):
            try:
                return operation()
            except StoreUnavailable:
                self.repeated += 1
        return operation()

    def drift(self):
        """Every counter that is not the sum of what its turns burned."""
        moments = range(NOW, self.now + 60, 60)
        found = {}
        for moment in moments:
            for (kind, window), used in self.stores.keys.balances(subjects_of(ADA), moment).items():
                subject = next(each for each in subjects_of(ADA) if each.kind == kind)
                for meter in METERS:
                    found[subject, period(window, moment).label, meter] = used.of(meter)
        return {
            place: (amount, self.log.sums[place]) for place, amount in found.items() if amount != self.log.sums[place]
        }


def test_nothing_counts_twice_though_every_reply_is_lost_once(losing, capsys):
    stores, session = losing
    stores.conversations.create(conversation(), None)
    ledger = Ledger(stores, session)
    ways = (ledger.plain, ledger.hot, ledger.said, ledger.released, ledger.hit, ledger.left)

    while ledger.operations < OPERATIONS:
        ways[ledger.number % len(ways)]()
        if ledger.number % BETWEEN_SWEEPS == 0:
            ledger.sweep()
    ledger.sweep()

    drift, figures = ledger.drift(), f"{ledger.operations} operations, {session.lost} replies lost"
    with capsys.disabled():
        print(f"\n{figures}, {ledger.repeated} repeated, drift {len(drift)}")  # noqa: T201
    assert session.lost >= ledger.operations
    assert drift == {}
    assert {use["day"].held for use in stores.keys.uses(subjects_of(ADA), ledger.now).values()} == {Charge()}
    assert stores.turns.expire(NOW + 10**6, 10) == 0
    assert stores.conversations.get(OWNER, "conv_1").last == ledger.spoken
