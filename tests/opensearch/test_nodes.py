"""A cluster of two loses one of them in the middle of look-ups, and in the middle of writes."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib.adapters.vectors import opensearch_batches, opensearch_schema
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_documents import scope_digest
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from chalicelib.domain.errors import IndexUnavailable
from tests.contract.meanings import NOW, SECONDS, entry, scope, sought
from tests.engines import opensearch
from tests.opensearch.conftest import VERSION

WORKERS = 2
BEFORE, AFTER, MOST = 50, 100, 3_000
BATCHES, TOGETHER = 20, 20


@pytest.fixture
def pair(tmp_path):
    made = opensearch.OpenSearch(VERSION, tmp_path, nodes=2)
    yield made
    made.stop()


def begun(pair, base):
    """An index with one entry, which both nodes have."""
    engine = Engine(Place(tuple(pair.urls)), clock=time.monotonic, write_seconds=60)
    index = OpenSearchIndex(engine, base)
    index.add([entry()], NOW)
    engine.call("POST", f"/{base}-*/_refresh", seconds=30)
    engine.call("GET", f"/_cluster/health/{base}-*?wait_for_status=green&timeout=30s", seconds=40)
    return engine, index


def test_no_turn_fails_and_no_entry_is_lost(pair, base):
    engine, index = begun(pair, base)
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


def test_what_was_acknowledged_is_found_afterwards(pair, base):
    engine, _ = begun(pair, base)  # of which each node has a copy
    index = OpenSearchIndex(Engine(engine.place, clock=time.monotonic, write_seconds=5), base)
    killed, ready = threading.Event(), threading.Barrier(WORKERS + 1)

    def add(of, names):
        """Those that OpenSearch took: a batch of which it says nothing may be there or not."""
        try:
            index.add([entry(name, of=of) for name in names], NOW)
        except IndexUnavailable:
            killed.wait(0.05)
            return []
        return names

    def write(of):
        """What was acknowledged before the node was killed, meanwhile, and by the one that is left."""
        names = ([f"{batch}-{number}" for number in range(TOGETHER)] for batch in range(MOST))
        taken = [name for _ in range(BATCHES) for name in add(of, next(names))]
        ready.wait()
        after = 0
        while after < BATCHES:
            found = add(of, next(names))
            after += bool(found and killed.is_set())
            taken += found
        return taken

    writers = [scope(user=f"writer-{number}") for number in range(WORKERS)]
    with ThreadPoolExecutor(WORKERS) as pool:
        runs = [pool.submit(write, of) for of in writers]
        ready.wait()
        pair.kill(1)
        killed.set()
        taken = [run.result() for run in runs]

    left = Engine(Place((pair.urls[0],)), clock=time.monotonic)
    for of, names in zip(writers, taken, strict=True):
        assert set(names) <= names_of(left, base, of)


def names_of(engine, base, of):
    """Every entry of a scope that is there."""
    alias, filters = opensearch_schema.alias(base, of.embedder), [{"term": {"scope": scope_digest(of)}}]
    pages = opensearch_batches.pages(engine, alias, filters, source=["id"])
    return {hit["_source"]["id"] for page in pages for hit in page}
