"""Many callers at once: nothing passes a limit, nothing is lost, nothing happens twice."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.domain.budget import Charge, Limit, Plan
from chalicelib.domain.errors import Conflict, LimitExceeded
from chalicelib.domain.ledger import subjects_of
from chalicelib.pipeline.sweep import sweep
from chalicelib.ports import TurnPage
from tests.contract.samples import (
    ADA,
    BOB,
    CHARGE,
    NOW,
    OWNER,
    answered,
    conversation,
    in_conversation,
    key,
    noise,
    reservation,
    said,
    turn,
)

CALLERS = 8
FAR = NOW + 10**6


@pytest.fixture(params=["memory", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def stores(request):
    """Moto is left out: served with threads, it loses updates of its own."""
    return request.getfixturevalue(f"on_{request.param}")


def at_once(call, cases):
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, cases))


def used(stores, kind, window):
    return stores.keys.balances(subjects_of(ADA), NOW)[kind, window]


@pytest.mark.parametrize(
    "limit",
    [Limit("tenant", "day", tokens=2_500), Limit("user", "minute", requests=25), Limit("key", "month", usd_micros=175)],
    ids=lambda limit: f"{limit.subject} {limit.window}",
)
def test_parallel_reservations_fill_a_limit_and_never_pass_it(stores, limit):
    def reserve(number):
        try:
            stores.turns.reserve(reservation(f"t-{number}", limits=(limit,)))
        except LimitExceeded:
            return False
        return True

    admitted = at_once(reserve, range(100))

    assert sum(admitted) == 25
    assert used(stores, limit.subject, limit.window) == Charge(25, 2_500, 175)


def test_the_users_of_a_tenant_share_its_limit(stores):
    limit = Limit("tenant", "minute", requests=20)

    def reserve(number):
        try:
            stores.turns.reserve(reservation(f"t-{number}", credential=(ADA, BOB)[number % 2], limits=(limit,)))
        except LimitExceeded:
            return False
        return True

    assert sum(at_once(reserve, range(60))) == 20
    assert used(stores, "tenant", "minute").requests == 20


def test_parallel_endings_of_a_reservation_count_once(stores):
    claims = [reservation(f"t-{number}") for number in range(10)]
    for claim in claims:
        stores.turns.reserve(claim)

    def end(case):
        claim, way = claims[case // 4], case % 4
        if way == 3:
            return stores.turns.expire(FAR, 100)
        stores.turns.settle(claim, answered(claim, charge=Charge(1, 60, 4)))
        return 0

    at_once(end, range(40))

    assert used(stores, "key", "day") == Charge(10, 600, 40)


def test_parallel_sweeps_end_each_lease_once(stores):
    for number in range(20):
        stores.turns.reserve(reservation(f"t-{number}"))

    ended = at_once(lambda _: stores.turns.expire(FAR, 100), range(CALLERS))

    assert sum(ended) == 20
    assert used(stores, "key", "day") == Charge(20, 2_000, 140)


def test_one_of_many_turns_gets_a_number(stores):
    stores.conversations.create(conversation(), None)

    def reserve(number):
        try:
            stores.turns.reserve(in_conversation(f"t-{number}"))
        except Conflict:
            return False
        return True

    assert sum(at_once(reserve, range(30))) == 1
    assert used(stores, "user", "day") == CHARGE


def test_parallel_additions_have_numbers_without_gaps(stores):
    stores.conversations.create(conversation(), None)

    added = at_once(
        lambda number: stores.conversations.append(OWNER, "conv_1", turn(f"t-{number}", 0, said("Hello"))),
        range(16),
    )

    found = list(stores.conversations.turns("conv_1", TurnPage(order="asc")))
    assert [each.number for each in found] == list(range(1, 17))
    assert sorted(added, key=lambda each: each.number) == found


def test_parallel_plans_do_not_overwrite_each_other(stores):
    plans = [Plan(f"plan {number}") for number in range(32)]

    at_once(stores.keys.put_plan, plans)

    assert stores.keys.plans() == {plan.name: plan for plan in plans}


def test_a_deletion_among_writers_leaves_nothing(stores):
    stores.conversations.create(conversation(), None)
    claims = [in_conversation(f"t-{number}", number, text=noise(400_000)) for number in range(1, 9)]
    for claim in claims:
        stores.turns.reserve(claim)

    def end(number):
        if number == 4:
            stores.conversations.delete(OWNER, "conv_1")
        else:
            stores.turns.settle(claims[number], answered(claims[number], noise(400_000, seed=1)))

    at_once(end, range(8))

    assert stores.stored("conv_1") == 0
    assert used(stores, "user", "day") == Charge(8, 800, 56)


def test_items_deleted_while_their_turns_end_stay_deleted(stores):
    stores.conversations.create(conversation(), None)
    claims = [in_conversation(f"t-{number}", number) for number in range(1, 9)]
    for claim in claims:
        stores.turns.reserve(claim)

    def end(case):
        claim = claims[case // 2]
        if case % 2:
            stores.conversations.remove_item(OWNER, "conv_1", claim.turn.number, 0)
        else:
            stores.turns.settle(claim, answered(claim))

    at_once(end, range(16))

    for each in stores.conversations.turns("conv_1", TurnPage()):
        assert each.state == "done"
        assert said("Hello") not in each.items
        assert len(each.items) == 2


def test_sweeps_at_once_end_each_lease_once(stores):
    for number in range(30):
        stores.turns.reserve(reservation(f"t-{number}"))

    ended = at_once(lambda _: sweep(stores.turns, before=FAR), range(4))

    assert sum(ended) == 30
    assert used(stores, "key", "day") == Charge(30, 30 * CHARGE.tokens, 30 * CHARGE.usd_micros)
    assert stores.turns.expire(FAR, 100) == 0


def test_revoking_and_expiring_at_once_lose_neither(stores):
    stores.keys.put(key())
    changes = [lambda: stores.keys.revoke(ADA.key_id, NOW), lambda: stores.keys.expire(ADA.key_id, NOW + 9)] * 4

    at_once(lambda change: change(), changes)

    assert stores.keys.get(ADA.key_id) == key(revoked_at=NOW, expires_at=NOW + 9)
