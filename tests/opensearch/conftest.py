"""A real OpenSearch for the whole run, in the version that `OPENSEARCH` names."""

import os
import uuid

import pytest

from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from tests.engines import opensearch

VERSION = os.environ.get("OPENSEARCH", "2.19")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory):
    if absent := opensearch.missing():
        pytest.fail(f"OpenSearch needs {' and '.join(absent)} on PATH")
    made = opensearch.OpenSearch(VERSION, tmp_path_factory.mktemp("opensearch"))
    yield made
    made.stop()


@pytest.fixture
def base():
    """Names that no other test has."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def clock():
    """Seconds as a test sets them."""

    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    return Clock()


class Indexes:
    """What the contract asks of: the index of one process, and of others over the same data."""

    def __init__(self, engine, base, clock):
        self.engine, self.base, self.clock = engine, base, clock
        self.index = self.again()

    def again(self):
        return OpenSearchIndex(Engine(self.engine.place, clock=self.clock, write_seconds=60), self.base)

    def settle(self):
        """OpenSearch shows what was written after a second; a test does not wait for it."""
        self.engine.call("POST", f"/{self.base}-*/_refresh", seconds=30)


@pytest.fixture
def engine(cluster, clock):
    return Engine(Place(tuple(cluster.urls)), clock=clock, write_seconds=60)


@pytest.fixture
def indexes(engine, base, clock):
    made = Indexes(engine, base, clock)
    yield made
    engine.call("DELETE", f"/{base}-*", seconds=30)
    engine.call("DELETE", f"/_index_template/{base}", seconds=30)
