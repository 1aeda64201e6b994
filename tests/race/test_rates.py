"""The ledger decides as a log of every request does, request by request.

`RATE_REQUESTS` says how many requests there are; the promise is about 1,000,000.
"""

import os
import random
from collections import Counter

import pytest

from chalicelib.adapters.dynamodb.turns import DynamoTurns
from chalicelib.domain.budget import METERS, WINDOWS, Charge, Limit, period, size
from chalicelib.domain.errors import LimitExceeded
from chalicelib.domain.ledger import subjects_of
from tests.contract.samples import ADA, BOB, EVE, NOW, answered, cue, reservation
from tests.simulation.database import Model

REQUESTS = int(os.environ.get("RATE_REQUESTS", "4000"))
LIMITS = (
    Limit("key", "minute", requests=40, tokens=5_000),
    Limit("user", "day", requests=9_000),
    Limit("tenant", "minute", usd_micros=700),
    Limit("tenant", "month", tokens=60_000_000),
)
SECONDS_BETWEEN = 0.5


class Log:
    """Every admitted request, summed by subject, period and meter: nothing but additions."""

    def __init__(self):
        self.sums = Counter()

    def admits(self, claim):
        return all(
            self.sums[place] + claim.charge.of(place[2]) <= most
            for limit in claim.limits
            for place, most in self._limited(claim, limit)
        )

    def add(self, claim, charge):
        for subject in claim.subjects:
            for window in WINDOWS:
                label = period(window, claim.made_at).label
                for meter in METERS:
                    self.sums[subject, label, meter] += charge.of(meter)

    def _limited(self, claim, limit):
        subject = next(each for each in claim.subjects if each.kind == limit.subject)
        label = period(limit.window, claim.made_at).label
        return [((subject, label, meter), most) for meter in METERS if (most := size(limit, meter)) is not None]


@pytest.mark.parametrize("form", [{}, {"shards": 3, "hot": ("tenant",)}], ids=["exact", "hot"])
def test_every_decision_is_that_of_the_log(form):
    draw, log, wrong, decided = random.Random(8), Log(), 0, Counter()
    model = Model()
    turns = DynamoTurns(model)
    now = float(NOW)
    for number in range(REQUESTS):
        now += draw.expovariate(1 / SECONDS_BETWEEN)
        charge = Charge(1, draw.randint(1, 400), draw.randint(0, 40))
        who = draw.choice((ADA, ADA, BOB, EVE))
        claim = reservation(f"t-{number}", credential=who, charge=charge, limits=LIMITS, now=int(now), **form)

        if number % 20 == 0:
            turns.recall(cue(who, now=now))  # as each turn does: what is long over goes with a later charge
        expected, admitted = log.admits(claim), _admits(turns, claim)

        wrong += expected != admitted
        decided[admitted] += 1
        if admitted:
            log.add(claim, charge)
            burned = Charge(1, draw.randint(0, charge.tokens), draw.randint(0, charge.usd_micros))
            turns.settle(claim, answered(claim, charge=burned))
            log.add(claim, burned - charge)
        _forget(model, claim)

    assert wrong == 0
    assert decided[True] > REQUESTS // 10
    assert decided[False] > REQUESTS // 100
    assert all(subject in subjects_of(ADA) + subjects_of(BOB) + subjects_of(EVE) for subject, _, _ in log.sums)


def _admits(turns, claim):
    try:
        turns.reserve(claim)
    except LimitExceeded:
        return False
    return True


def _forget(model, claim):
    """Old records go by their time to live, request tokens after ten minutes: a million of them fill a machine."""
    table = model.stored[model.tables.ledger]
    table.partitions.pop(f"turn#{claim.turn_id}", None)
    for index in table.indexes.values():
        index.coming.clear()
    model.tokens.clear()
