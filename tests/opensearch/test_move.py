"""Indexes are replaced while lookups, writes and purges go on."""

import pytest

from chalicelib.adapters.vectors import opensearch_move as move
from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch_engine import Engine
from chalicelib.domain.entries import Purge, Sought
from tests.contract.meanings import NOW, SCOPE, SECONDS, entry, scope, sought, vector

OTHER = "other/16"


class Watched(Engine):
    """An engine that tells of each request before it is sent."""

    def __init__(self, engine, clock, on_request):
        super().__init__(engine.place, clock=clock, write_seconds=60)
        self._on_request = on_request

    def call(self, method, path, body=None, *, seconds):
        self._on_request(method, path)
        return super().call(method, path, body, seconds=seconds)


def found(indexes, *values, **changes):
    indexes.settle()
    return {each.id for each in indexes.index.search(sought(*values, most=50, **changes), SECONDS)}


def test_lookups_find_everything_at_every_moment_of_a_renewal(indexes, engine, base, clock):
    indexes.index.add([entry(f"e{n}", 1.0, n / 10) for n in range(20)], NOW)
    seen = []
    watched = Watched(engine, clock, lambda *_: seen.append(len(found(indexes))))

    move.renew(watched, base, SCOPE.embedder, 8, NOW)

    assert set(seen) == {20}
    assert len(found(indexes)) == 20
    alias = schema.alias(base, SCOPE.embedder)
    assert list(engine.call("GET", f"/_alias/{alias}", seconds=30).body) == [schema.numbered(alias, 2)]


def test_what_is_written_during_a_renewal_is_kept(indexes, engine, base, clock):
    indexes.index.add([entry("before")], NOW)
    written = iter(range(100))

    def write(*_):
        indexes.index.add([entry(f"during {next(written)}", created_at=NOW)], NOW)

    move.renew(Watched(engine, clock, write), base, SCOPE.embedder, 8, NOW)

    assert found(indexes) == {"before", *(f"during {n}" for n in range(next(written)))}


@pytest.mark.parametrize("moment", ["_bulk", "_aliases", "_mget"])
def test_what_is_purged_during_a_renewal_stays_gone(indexes, engine, base, clock, moment):
    indexes.index.add([entry("mine"), entry("theirs", of=scope(tenant="other"))], NOW)

    def purge(_, path):
        if moment in path:
            indexes.index.purge(Purge("acme"), NOW)

    move.renew(Watched(engine, clock, purge), base, SCOPE.embedder, 8, NOW)

    assert found(indexes) == set()
    assert found(indexes, of=scope(tenant="other")) == {"theirs"}


def test_a_renewal_may_be_repeated_after_it_was_cut_short(indexes, engine, base, clock):
    indexes.index.add([entry("mine")], NOW)

    def cut(_, path):
        if path == "/_aliases":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        move.renew(Watched(engine, clock, cut), base, SCOPE.embedder, 8, NOW)
    assert found(indexes) == {"mine"}

    move.renew(engine, base, SCOPE.embedder, 8, NOW)
    assert found(indexes) == {"mine"}


def test_two_embedders_serve_side_by_side_until_one_retires(indexes, engine, base):
    indexes.index.add([entry("e1"), entry("e2", 0.0, 1.0)], NOW)

    def embed(questions):
        return [vector(*([0.0] * 9 if "e1" in each else [1.0]), 1.0, size=16) for each in questions]

    move.translate(engine, base, SCOPE.embedder, OTHER, embed)

    indexes.settle()
    there = indexes.index.search(Sought(scope(embedder=OTHER), vector(*[0.0] * 9, 1.0, size=16), NOW), SECONDS)
    assert [each.id for each in there] == ["e1", "e2"]
    assert found(indexes) == {"e1", "e2"}

    move.retire(engine, base, SCOPE.embedder)

    assert found(indexes) == set()
    assert len(indexes.index.search(Sought(scope(embedder=OTHER), vector(1.0, size=16), NOW), SECONDS)) == 2
