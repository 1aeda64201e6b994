"""A cluster of two loses one of them in the middle of traffic."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from chalicelib.domain.errors import IndexUnavailable
from tests.contract.meanings import NOW, SECONDS, entry, sought
from tests.engines import opensearch
from tests.opensearch.conftest import VERSION

WORKERS = 2
BEFORE, AFTER, MOST = 50, 100, 3_000


@pytest.fixture
def pair(tmp_path):
    made = opensearch.OpenSearch(VERSION, tmp_path, nodes=2)
    yield made
    made.stop()


def test_no_turn_fails_and_no_entry_is_lost(pair, base):
    engine = Engine(Place(tuple(pair.urls)), clock=time.monotonic, write_seconds=60)
    index = OpenSearchIndex(engine, base)
    index.add([entry()], NOW)
    engine.call("POST", f"/{base}-*/_refresh", seconds=30)
    engine.call("GET", f"/_cluster/health/{base}-*?wait_for_status=green&timeout=30s", seconds=40)
    killed, ready = threading.Event(), threading.Barrier(WORKERS + 1)

    def look_up():
        """Whether there was a hit; a turn goes on without."""
        try:
            return [each.id for each in index.search(sought(1.0), SECONDS)] == ["e1"]
        except IndexUnavailable:
            return False

    def work():
        before = [look_up() for _ in range(BEFORE)]
        ready.wait()
        streak, looked_up = 0, 0
        while (streak < AFTER or not killed.is_set()) and looked_up < MOST:
            streak = streak + 1 if look_up() else 0
            looked_up += 1
            killed.wait(0.005)
        return all(before), streak

    with ThreadPoolExecutor(WORKERS) as pool:
        runs = [pool.submit(work) for _ in range(WORKERS)]
        ready.wait()
        pair.kill(1)
        killed.set()
        outcomes = [run.result() for run in runs]

    assert all(before for before, _ in outcomes)
    assert all(streak >= AFTER for _, streak in outcomes)
    index.add([entry("e2", 0.9, 0.1)], NOW)
    engine.call("POST", f"/{base}-*/_refresh", seconds=30)
    assert [each.id for each in index.search(sought(1.0), SECONDS)] == ["e1", "e2"]
