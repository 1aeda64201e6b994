"""What a process knows of its targets: whom it chooses, probes and leaves alone, and what of a quota it holds."""

import itertools
import random
from collections import Counter

import pytest

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.domain.allowance import Block
from chalicelib.domain.breaker import FAILURES, Breaker
from chalicelib.domain.catalogue import Model, Quota, Target
from chalicelib.domain.chat import Usage
from chalicelib.domain.errors import ModelUnavailable
from chalicelib.domain.pace import Pace
from chalicelib.domain.routing import Need
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.route import Flight, Route

NOW = 1_780_000_020.0  # the beginning of a minute
NEED = Need(input_tokens=100, output_tokens=900)
BROKE = ModelUnavailable("Broke.")
KNOWN = Pace(at=NOW)


def a_pool(targets=None, *, draws=(0.0,), retries=10.0):
    numbers = itertools.cycle(draws)
    return Pool(targets or MemoryTargets(Shelf()), lambda: next(numbers), _retries=retries)


def model_of(*names, **fields):
    targets = tuple(Target(f"script://{name}", **fields) for name in names)
    return Model(id="small", targets=targets, max_output_tokens=1_000)


def known(pool, model):
    """The targets, each asked once before."""
    watched = pool.watched(model, model.targets)
    for each in watched:
        each.pace = KNOWN
    return watched


def route(pool, model, now=NOW):
    return Route(pool, model, NEED, now + 60)


def asked(pool, model, now=NOW, *, streamed=True):
    flight = route(pool, model, now).next(now, streamed=streamed)
    assert isinstance(flight, Flight)
    return flight


def test_a_second_call_beside_the_first_goes_to_another_target_even_where_that_is_slower():
    pool, model = a_pool(draws=(0.5,)), model_of("a", "b")
    _, slow = known(pool, model)
    slow.pace = Pace(first=100, rest=100, at=NOW)
    turn = route(pool, model)

    first, second = turn.next(NOW, streamed=True), turn.next(NOW + 1, streamed=True)

    assert {first.target.uri, second.target.uri} == {"script://a", "script://b"}


def test_what_a_call_of_the_last_minute_did_not_burn_is_no_part_of_this_minutes_quota():
    pool, model = a_pool(), model_of("a", quota=Quota(tokens_per_minute=100_000))
    late = asked(pool, model, NOW + 59)
    asked(pool, model, NOW + 61).done(Usage(100, 900), NOW + 62)  # this one burned all that it took
    before = pool.watched(model, model.targets)[0].allowance.left

    late.done(Usage(100, 1), NOW + 63)

    assert pool.watched(model, model.targets)[0].allowance.left == before


def test_a_call_that_another_processs_probe_kept_away_takes_nothing_of_the_quota():
    shelf, now = Shelf(), NOW + 3
    model = model_of("a", quota=Quota(requests_per_minute=100))
    pools = [a_pool(MemoryTargets(shelf), draws=(draw,)) for draw in (0.2, 0.7)]
    first, second = (pool.watched(model, model.targets)[0] for pool in pools)
    first.breaker = second.breaker = MemoryTargets(shelf).move(first.name, Breaker().opened(BROKE, NOW))
    assert pools[0].choose([first], NEED, now) is first
    second.allowance = second.allowance.at(now).given(Block(5, 5_000))

    assert pools[1].choose([second], NEED, now) is None

    assert second.allowance.left == Block(5, 5_000)


def test_a_lease_for_tokens_takes_no_requests_that_are_there_already():
    shelf = Shelf()
    pool = a_pool(MemoryTargets(shelf))
    model = model_of("a", quota=Quota(requests_per_minute=1_600, tokens_per_minute=4_000))
    watched = pool.watched(model, model.targets)[0]

    for _ in range(4):
        assert pool.choose([watched], NEED, NOW) is watched

    (leased,) = shelf.leased.values()
    assert leased.requests == 4


def test_what_is_left_of_a_quota_is_leased_though_it_is_less_than_a_block():
    pool, model = a_pool(), model_of("a", quota=Quota(requests_per_minute=100))
    watched = pool.watched(model, model.targets)[0]

    made = sum(pool.choose([watched], NEED, NOW) is watched for _ in range(200))

    assert made == 100


def cut(flight, now):
    flight.first(now)
    flight.failed(BROKE, now + 1)


def test_a_target_that_breaks_every_stream_is_left_alone():
    pool, model = a_pool(), model_of("a")

    for number in range(FAILURES):
        cut(asked(pool, model, NOW + number), NOW + number)

    assert not pool.watched(model, model.targets)[0].breaker.admits(NOW + FAILURES)


def test_and_for_longer_each_time():
    pool, model = a_pool(), model_of("a")
    watched = known(pool, model)[0]
    now, waits = NOW, []
    for number in range(FAILURES + 2):
        cut(asked(pool, model, now), now)
        if number >= FAILURES - 1:
            waits.append(round(watched.breaker.until - now - 1))
        now = max(now + 1, watched.breaker.until)

    assert waits == [2, 4, 8]


def test_a_stream_that_comes_to_its_end_makes_up_for_those_that_broke():
    pool, model = a_pool(), model_of("a")
    for number in range(FAILURES - 1):
        cut(asked(pool, model), NOW + number)
    whole = asked(pool, model)
    whole.first(NOW + 9)
    whole.done(Usage(100, 9), NOW + 10)

    cut(asked(pool, model, NOW + 11), NOW + 11)

    assert pool.watched(model, model.targets)[0].breaker.admits(NOW + 12)


def test_a_stream_that_breaks_late_does_not_make_the_first_piece_slow():
    pool, model = a_pool(), model_of("a")
    flight = asked(pool, model)
    flight.first(NOW + 0.5)
    before = pool.watched(model, model.targets)[0].pace.first

    flight.failed(BROKE, NOW + 300)

    assert pool.watched(model, model.targets)[0].pace.first == before


def failures_of(turns, every, *, broken="script://a"):
    """How many turns get no answer where one of three targets refuses, with so many seconds between two turns."""
    draws = iter([(number * 0.618) % 1 for number in range(1, 100_000)])
    pool, model, now, failed, calls = Pool(MemoryTargets(Shelf()), lambda: next(draws)), model_of(*"abc"), NOW, 0, 0
    for _ in range(turns):
        now += every
        turn = route(pool, model, now)
        while isinstance(flight := turn.next(now, streamed=False), Flight):
            if flight.target.uri != broken:
                flight.done(Usage(100, 100), now + 2)
                break
            calls += 1
            turn.failed(flight, BROKE, now)
        else:
            failed += 1
    return failed, calls


@pytest.mark.parametrize("every", [0.1, 1, 60, 3_600])
def test_a_broken_target_among_good_ones_costs_no_answers_however_seldom_somebody_asks(every):
    failed, _ = failures_of(2_000, every)

    assert failed <= 2


@pytest.mark.parametrize("every", [1, 60, 3_600])
def test_it_is_tried_again_by_few_of_the_calls(every):
    _, calls = failures_of(2_000, every)

    assert calls <= FAILURES + 0.02 * 2_000


def test_a_probe_that_was_never_made_leaves_the_place_to_others():
    pool, model, now = a_pool(), model_of("a"), NOW + 3
    watched = known(pool, model)[0]
    watched.breaker = pool.shared.move(watched.name, Breaker().opened(BROKE, NOW))
    asked(pool, model, now).withdrawn(now)

    assert watched.breaker.admits(now)


def test_whole_answers_and_streams_that_break_are_counted_together():
    pool, model = a_pool(), model_of("a")

    for number in range(FAILURES + 1):
        if number % 2:
            cut(asked(pool, model, NOW + number), NOW + number)
        else:
            asked(pool, model, NOW + number, streamed=False).failed(BROKE, NOW + number)

    assert not pool.watched(model, model.targets)[0].breaker.admits(NOW + FAILURES)


def test_a_target_that_just_failed_is_seldom_taken_while_there_are_others():
    draws = random.Random(1)
    pool, model = Pool(MemoryTargets(Shelf()), draws.random), model_of(*"abc")
    failed, *_ = known(pool, model)
    failed.failures = 1

    taken = Counter()
    for _ in range(1_000):
        flight = asked(pool, model)
        taken[flight.target.uri] += 1
        flight.withdrawn(NOW)

    assert 0 < taken["script://a"] < 0.1 * 1_000
