"""Any schedule of calls ends the same in every adapter, and charges what was burned or reserved."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.budget import METERS, Charge, Limit
from chalicelib.domain.errors import TidegateError
from chalicelib.domain.ledger import subjects_of
from chalicelib.ports import TurnPage
from tests.contract.samples import (
    ADA,
    LEASE_SECONDS,
    NOW,
    OWNER,
    answered,
    conversation,
    in_conversation,
    reservation,
    said,
    turn,
)
from tests.contract.stores import MemoryStores, dynamo_stores

LIMITS = (Limit("key", "minute", tokens=250), Limit("user", "day", requests=6), Limit("tenant", "month", usd_micros=60))
NUMBERS = st.integers(1, 4)
CHARGES = st.builds(Charge, st.just(1), st.integers(0, 120), st.integers(0, 20))
MOMENTS = st.sampled_from([NOW, NOW + 60, NOW + 86_400])

CALLS = st.one_of(
    st.tuples(st.just("reserve"), NUMBERS, CHARGES, MOMENTS, st.booleans()),
    st.tuples(st.just("reserve_turn"), NUMBERS, NUMBERS, CHARGES),
    st.tuples(st.just("settle"), NUMBERS, CHARGES),
    st.tuples(st.just("release"), NUMBERS),
    st.tuples(st.just("expire"), st.sampled_from([NOW + LEASE_SECONDS + 1, NOW + 10**6])),
    st.tuples(st.just("append"), NUMBERS),
    st.tuples(st.just("remove_item"), NUMBERS),
    st.tuples(st.sampled_from(["create", "delete"])),
)


class Caller:
    """Makes the calls of a schedule, remembering each reservation as its caller does."""

    def __init__(self, stores):
        self.stores = stores
        self.claims = {}

    def reserve(self, name, charge, now, final):
        self._reserve(name, reservation(f"t-{name}", charge=charge, limits=LIMITS, now=now, final=final))

    def reserve_turn(self, name, number, charge):
        self._reserve(name, in_conversation(f"t-{name}", number, charge=charge, limits=LIMITS))

    def _reserve(self, name, claim):
        self.stores.turns.reserve(self.claims.get(name, claim))
        self.claims.setdefault(name, claim)

    def settle(self, name, charge):
        claim = self._claim(name)
        self.stores.turns.settle(claim, answered(claim, charge=charge))

    def release(self, name):
        self.stores.turns.release(self._claim(name))

    def _claim(self, name):
        return self.claims.setdefault(name, reservation(f"t-{name}"))

    def expire(self, before):
        return self.stores.turns.expire(before, 100)

    def create(self):
        self.stores.conversations.create(conversation(), None)

    def delete(self):
        self.stores.conversations.delete(OWNER, "conv_1")

    def append(self, number):
        return self.stores.conversations.append(OWNER, "conv_1", turn(f"a-{number}", 0, said("More")))

    def remove_item(self, number):
        self.stores.conversations.remove_item(OWNER, "conv_1", number, 0)

    def outcome(self, call, *arguments):
        try:
            return getattr(self, call)(*arguments)
        except TidegateError as fault:
            return type(fault), fault.message

    def state(self):
        """All that a reader can see."""
        try:
            head = self.stores.conversations.get(OWNER, "conv_1")
        except TidegateError:
            head = None
        moments = (NOW, NOW + 60, NOW + 86_400)
        balances = [self.stores.keys.balances(subjects_of(ADA), now) for now in moments]
        return head, list(self.stores.conversations.turns("conv_1", TurnPage())), balances


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schedule=st.lists(CALLS, max_size=14))
def test_every_schedule_ends_the_same_on_dynamodb_as_in_memory(on_moto, schedule):
    told, shown = Caller(dynamo_stores()), Caller(MemoryStores())

    for call in [("create",), *schedule]:
        assert told.outcome(*call) == shown.outcome(*call), call
        assert told.state() == shown.state(), call


@given(schedule=st.lists(CALLS, max_size=40))
def test_no_schedule_passes_a_limit_or_loses_what_was_burned(schedule):
    caller = Caller(MemoryStores())
    owed = {}

    for call in [("create",), *schedule]:
        known = len(owed)
        outcome = caller.outcome(*call)
        _owe(owed, caller, call, outcome)

        used = caller.stores.keys.balances(subjects_of(ADA), NOW)["tenant", "month"]
        for meter in METERS:
            assert used.of(meter) == sum(charge.of(meter) for charge, _ in owed.values())
        if call[0].startswith("reserve") and len(owed) > known and owed[call[1]][0].usd_micros:
            assert used.usd_micros <= LIMITS[2].usd_micros


def _owe(owed, caller, call, outcome):
    """Note for each reservation what is charged for it, and whether that is final."""
    name, is_final = call[1] if len(call) > 1 else None, True
    if call[0].startswith("reserve") and outcome is None:
        claim = caller.claims[name]
        owed.setdefault(name, (claim.charge, claim.final))
    elif call[0] in {"settle", "release"}:
        _, is_final = owed.get(name, (Charge(), call[0] == "settle"))
    if not is_final:
        owed[name] = (call[2] if call[0] == "settle" else Charge()), True


@pytest.mark.parametrize("turns", [1, 7])
def test_what_is_used_is_the_sum_of_what_was_settled(stores, turns):
    burned = [Charge(1, 10 * number, number) for number in range(turns)]

    for number, charge in enumerate(burned):
        claim = reservation(f"t-{number}")
        stores.turns.reserve(claim)
        stores.turns.settle(claim, answered(claim, charge=charge))

    used = stores.keys.balances(subjects_of(ADA), NOW)["user", "month"]
    assert msgspec.structs.astuple(used) == (turns, sum(c.tokens for c in burned), sum(c.usd_micros for c in burned))
