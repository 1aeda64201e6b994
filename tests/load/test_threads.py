"""Many threads of one process, and many processes, over the same targets at once."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from moto import mock_aws

from chalicelib.adapters.memory.shelf import Shelf
from chalicelib.adapters.memory.targets import MemoryTargets
from chalicelib.adapters.memory.turns import MemoryTurns
from chalicelib.domain.breaker import Breaker
from chalicelib.domain.catalogue import Model, Quota, Target
from chalicelib.domain.chat import Delta, Usage
from chalicelib.domain.errors import (
    ModelError,
    ModelGarbled,
    ModelRejected,
    ModelThrottled,
    ModelTimeout,
    ModelUnavailable,
    TidegateError,
)
from chalicelib.domain.routing import Need, Saturated
from chalicelib.pipeline.routing.pool import FIRST_RETRIES, RETRY_SHARE, Pool
from chalicelib.pipeline.routing.route import Flight, Route
from chalicelib.pipeline.routing.router import Router
from tests.builders import NOW, a_request
from tests.contract.samples import reservation
from tests.contract.stores import Emulator, dynamo_stores

THREADS = 32
CALLS = 200
FAULTS = (ModelThrottled, *(ModelUnavailable,) * 5, *(ModelTimeout,) * 5, *(ModelGarbled,) * 5, ModelRejected)
PIECES = (Delta(text="Hel"), Delta(text="lo"), Delta(finish_reason="stop", usage=Usage(10, 2)))


class Moody:
    """Fails now and then, before or behind its first piece."""

    def __init__(self, seed):
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self.calls = 0

    def stream(self, request, patience=None):
        with self._lock:
            self.calls += 1
            fails, after, kind = self._draw.random() < 0.4, self._draw.choice((0, 0, 1, 2)), self._draw.choice(FAULTS)
        for number, piece in enumerate(PIECES):
            if fails and number == after:
                raise kind("No.")
            yield piece


class Ticking:
    """A second in a thousand steps, so that breakers open and heal while the threads run."""

    def __init__(self):
        self._steps = 0

    def __call__(self):
        self._steps += 1
        return NOW + self._steps / 50


@pytest.mark.parametrize("hedged", [None, 1])
def test_threads_leave_nothing_in_flight_and_overspend_no_second_attempt(hedged):
    targets = tuple(Target(f"script://{number}", quota=Quota(requests_per_minute=10**6)) for number in range(4))
    model = Model(id="small", targets=targets, max_output_tokens=1_000, hedge_after_ms=hedged)
    moody = {target.uri: Moody(number) for number, target in enumerate(targets)}
    shelf = Shelf()
    pool = Pool(MemoryTargets(shelf), random.Random(7).random)
    router = Router(moody.__getitem__, moody.__getitem__, pool, MemoryTurns(shelf), Ticking(), 10**6)

    def turn(name, mine):
        purse = router.purse(reservation(name))
        try:
            return drained(router.stream(model, a_request(), purse), mine), len(purse.tried)
        except TidegateError as fault:
            return type(fault).__name__, len(purse.tried)

    def work(thread):
        mine = random.Random(thread)
        return [turn(f"t-{thread}-{number}", mine) for number in range(CALLS)]

    with ThreadPoolExecutor(THREADS) as threads:
        turns = [each for done in threads.map(work, range(THREADS)) for each in done]

    wait_for(lambda: not any(each.in_flight for each in pool.watched(model, targets)))
    assert [each.in_flight for each in pool.watched(model, targets)] == [0] * 4
    outcomes, asked = Counter(outcome for outcome, _ in turns), sum(tried > 0 for _, tried in turns)
    assert min(outcomes["answered"], outcomes["left"]) > 100
    made = sum(each.calls for each in moody.values())
    assert made - asked <= FIRST_RETRIES + RETRY_SHARE * THREADS * CALLS


def drained(outcome, draw):
    """Reads a stream to its end, or leaves it in the middle."""
    if isinstance(outcome, Saturated):
        return "saturated"
    deltas, _ = outcome
    if draw.random() < 0.3:
        next(deltas)
        deltas.close()
        return "left"
    return "answered" if list(deltas) else "empty"


def wait_for(holds):
    pulse = threading.Event()
    for _ in range(2_000):
        if holds():
            return
        pulse.wait(0.01)


@pytest.fixture(params=["memory", "moto", "emulator"])
def shared(request, monkeypatch):
    """Makes the targets' store of another process."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    if request.param == "memory":
        targets = MemoryTargets(Shelf())
        yield lambda: targets
    elif request.param == "moto":
        with mock_aws():
            stores = dynamo_stores()
            yield lambda: stores.again().targets
    else:
        process = Emulator()
        try:
            wait_for(process.answers)
            stores = dynamo_stores(process.url, concurrent=True)
            yield lambda: stores.again().targets
        finally:
            process.stop()


def test_of_eight_processes_with_four_threads_each_one_call_probes(shared):
    model = Model(id="small", targets=(Target("script://a"),), max_output_tokens=1_000)
    pools = [Pool(shared(), random.Random(number).random) for number in range(8)]
    watched = [pool.watched(model, model.targets)[0] for pool in pools]
    opened = shared().move(watched[0].name, Breaker().opened(ModelUnavailable("Broke."), NOW))
    for each in watched:
        each.breaker = opened
    ready = threading.Barrier(32)

    def ask(number):
        ready.wait(20)
        return Route(pools[number % 8], model, Need(1, 1), NOW + 60.0).next(NOW + 3.0, streamed=True)

    with ThreadPoolExecutor(32) as threads:
        asked = list(threads.map(ask, range(32)))

    probes = [each for each in asked if isinstance(each, Flight)]
    assert len(probes) == 1
    assert sum(each.in_flight for each in watched) == 1
    probes[0].failed(ModelError("Again."), NOW + 4.0)
    later = [Route(pool, model, Need(1, 1), NOW + 60.0).next(NOW + 4.5, streamed=True) for pool in pools]
    assert all(isinstance(each, Saturated) for each in later)
