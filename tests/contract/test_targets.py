"""What all processes know of targets: breakers that one of them moves, and quotas that none of them passes."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Quota
from chalicelib.domain.errors import ModelThrottled, ModelUnavailable
from tests.contract.samples import NOW, cue
from tests.contract.stores import MemoryStores, dynamo_stores

CALLERS = 8
MINUTE = NOW // 60
CLOSED = Breaker()
OPEN = CLOSED.opened(ModelUnavailable("Broke."), NOW)
PROBED = OPEN.probed(NOW + 2, 0.25)
BOTH = Quota(requests_per_minute=10, tokens_per_minute=1_000)


def recalled(stores, *names):
    return stores.turns.recall(msgspec.structs.replace(cue(), targets=names)).targets


def leased(stores, count, block, quota, *, name="a", minute=MINUTE):
    return sum(stores.targets.lease(name, minute, block, quota) for _ in range(count))


def test_a_breaker_that_nobody_moved_is_closed(stores):
    assert recalled(stores, "a", "b") == {"a": CLOSED, "b": CLOSED}


def test_what_was_moved_is_recalled_as_it_is_by_every_process(stores):
    throttled = CLOSED.opened(ModelThrottled("No.", retry_after_seconds=7), NOW + 0.125)

    assert stores.targets.move("a", OPEN) == OPEN
    assert stores.targets.move("b", throttled) == throttled

    assert recalled(stores.again(), "b", "a") == {"a": OPEN, "b": throttled}


def test_the_breakers_of_any_number_of_targets_are_told(stores):
    names = [f"target-{number}" for number in range(205)]
    for name in names[::50]:
        stores.targets.move(name, OPEN)

    found = stores.targets.breakers(names)

    assert found == {name: OPEN if name in names[::50] else CLOSED for name in names}
    assert stores.targets.breakers([]) == {}


def test_only_what_is_asked_for_is_recalled(stores):
    stores.targets.move("a", OPEN)

    assert recalled(stores) == {}
    assert recalled(stores, "b") == {"b": CLOSED}


def test_the_names_of_as_many_targets_as_a_model_has_are_recalled_at_once(stores):
    names = [f"target-{number}" for number in range(60)]
    for name in names[::7]:
        stores.targets.move(name, OPEN)

    found = recalled(stores, *names)

    assert list(found) == names
    assert [name for name, breaker in found.items() if breaker == OPEN] == names[::7]


def test_a_breaker_goes_through_its_whole_life(stores):
    life = [OPEN, PROBED, PROBED.opened(ModelUnavailable("Broke."), NOW + 3), None, None]
    life[3] = life[2].probed(NOW + 9, 0.5)
    life[4] = life[3].closed()

    for breaker in life:
        assert stores.targets.move("a", breaker) == breaker
        assert recalled(stores, "a") == {"a": breaker}


@pytest.mark.parametrize("moved", [OPEN, PROBED])
def test_who_moves_from_another_version_is_told_what_holds(stores, moved):
    stores.targets.move("a", OPEN)
    stores.targets.move("a", PROBED)

    held = stores.targets.move("a", msgspec.structs.replace(moved, reason="mine"))

    assert held == PROBED
    assert recalled(stores, "a") == {"a": PROBED}


def test_who_moves_from_a_version_that_nobody_made_is_told_that_it_is_closed(stores):
    assert stores.targets.move("a", PROBED) == CLOSED
    assert recalled(stores, "a") == {"a": CLOSED}


def test_a_move_is_of_one_target(stores):
    stores.targets.move("a", OPEN)

    assert stores.targets.move("b", OPEN) == OPEN
    assert stores.targets.move("a", PROBED) == PROBED
    assert recalled(stores, "b") == {"b": OPEN}


@pytest.mark.parametrize("before", [(), (OPEN,)])
def test_a_move_whose_reply_got_lost_still_holds_for_who_made_it(stores, before):
    for each in before:
        stores.targets.move("a", each)
    moved = PROBED if before else OPEN
    told = []

    stores.sent_twice(lambda: told.append(stores.targets.move("a", moved)))

    assert told == [moved]
    assert recalled(stores, "a") == {"a": moved}


def test_a_move_that_is_made_again_by_its_caller_holds(stores):
    stores.losing_reply(lambda: stores.targets.move("a", OPEN))

    assert stores.targets.move("a", OPEN) == OPEN


def test_a_repeated_move_does_not_undo_what_came_after(stores):
    stores.targets.move("a", OPEN)
    stores.targets.move("a", PROBED)

    assert stores.targets.move("a", OPEN) == PROBED


def at_once(stores, call, cases):
    """Moto is asked by one after the other: served with threads, it loses updates of its own."""
    if not stores.concurrent:
        return list(map(call, cases))
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(call, cases))


def test_of_many_that_probe_at_one_moment_one_does(stores):
    stores.targets.move("a", OPEN)
    wanted = [OPEN.probed(NOW + 2, number / CALLERS) for number in range(CALLERS)]

    held = at_once(stores, lambda each: stores.again().targets.move("a", each), wanted)

    assert [mine == theirs for mine, theirs in zip(wanted, held, strict=True)].count(True) == 1
    assert set(held) == {recalled(stores, "a")["a"]}


def test_a_quota_is_leased_to_its_last_and_no_further(stores):
    assert leased(stores, 4, Block(3, 0), BOTH) == 3
    assert leased(stores, 2, Block(1, 0), BOTH) == 1


@pytest.mark.parametrize(
    ("quota", "block", "times"),
    [
        (BOTH, Block(1, 100), 10),
        (BOTH, Block(1, 400), 2),
        (BOTH, Block(5, 1), 2),
        (BOTH, Block(0, 500), 2),
        (BOTH, Block(11, 1), 0),
        (BOTH, Block(1, 1_001), 0),
        (Quota(requests_per_minute=3), Block(1, 10**9), 3),
        (Quota(tokens_per_minute=300), Block(10**6, 100), 3),
        (Quota(), Block(10**6, 10**9), 12),
    ],
)
def test_each_part_of_a_quota_that_is_stated_binds(stores, quota, block, times):
    assert leased(stores, 12, block, quota) == times


def test_what_does_not_fit_takes_nothing(stores):
    assert not stores.targets.lease("a", MINUTE, Block(1, 1_001), BOTH)
    assert leased(stores, 1, Block(9, 900), BOTH) == 1
    assert leased(stores, 1, Block(1, 101), BOTH) == 0

    assert leased(stores, 1, Block(1, 100), BOTH) == 1


def test_each_minute_and_each_target_has_a_quota_of_its_own(stores):
    full = Block(10, 1_000)

    assert leased(stores, 1, full, BOTH) == 1
    assert leased(stores, 1, full, BOTH, minute=MINUTE + 1) == 1
    assert leased(stores, 1, full, BOTH, name="b") == 1
    assert leased(stores, 1, Block(1, 0), BOTH) == 0


def test_a_quota_that_was_cut_binds_from_then_on(stores):
    leased(stores, 1, Block(8, 0), BOTH)

    assert leased(stores, 1, Block(1, 0), Quota(requests_per_minute=8)) == 0
    assert leased(stores, 9, Block(1, 0), Quota(requests_per_minute=12)) == 4


def test_a_lease_whose_reply_got_lost_may_be_taken_twice_but_never_passes_the_quota(stores):
    stores.sent_twice(lambda: stores.targets.lease("a", MINUTE, Block(4, 0), BOTH))

    assert leased(stores, 10, Block(1, 0), BOTH) in {2, 6}


def test_a_lease_of_many_callers_at_once_never_passes_the_quota(stores):
    draws = [Block(1 + number % 3, 10 * (number % 5)) for number in range(60)]

    granted = at_once(stores, lambda block: stores.again().targets.lease("a", MINUTE, block, BOTH), draws)

    taken = sum((block for block, got in zip(draws, granted, strict=True) if got), Block())
    assert taken.requests == 10
    assert taken.tokens <= 1_000
    assert Counter(granted)[True] >= 10 // 3


def test_a_row_of_a_minute_goes_by_itself(on_moto):
    on_moto.targets.lease("a", MINUTE, Block(1, 1), BOTH)

    (row,) = on_moto.client.scan(TableName=on_moto.database.tables.ledger)["Items"]

    assert MINUTE * 60 + 60 < int(row["ttl"]["N"]) <= MINUTE * 60 + 3_600


@pytest.mark.parametrize(("call", "writes"), [("move", {"PutItem": 1}), ("lease", {"UpdateItem": 1})])
def test_each_call_is_one_write(on_moto, call, writes):
    arguments = {"move": ("a", OPEN), "lease": ("a", MINUTE, Block(1, 1), BOTH)}

    with on_moto.counted() as calls:
        getattr(on_moto.targets, call)(*arguments[call])

    assert calls == writes


def test_breakers_cost_a_turn_no_round_trip(on_moto):
    with on_moto.counted() as calls:
        recalled(on_moto, "a", "b")

    assert calls == {"BatchGetItem": 1}


MOVES = st.lists(st.tuples(st.sampled_from(["open", "probe", "close"]), st.integers(0, 1)), max_size=8)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(MOVES)
def test_both_stores_move_alike(on_moto, moves):
    pair, known = (MemoryStores(), dynamo_stores()), [CLOSED, CLOSED]
    for move, process in moves:
        breaker = known[process]
        wanted = {
            "open": lambda seen=breaker: seen.opened(ModelUnavailable("Broke."), NOW),
            "probe": lambda seen=breaker, prober=process: seen.probed(NOW, prober),
            "close": breaker.closed,
        }[move]()
        one, other = (stores.targets.move("a", wanted) for stores in pair)
        known[process] = one
        assert one == other
