"""What a real engine must do for the adapter to be right."""

import pytest

from chalicelib.adapters.memory.vectors import MemoryVectors
from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_documents import BEAM
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from chalicelib.domain.entries import Sought
from chalicelib.domain.errors import IndexUnavailable
from tests.contract.meanings import NOW, SCOPE, SECONDS, entry, noise, scope, sought, vector

CROWD = 2_000


def test_one_entry_is_found_behind_thousands_of_another_tenant_that_are_nearer(indexes):
    crowd = [entry(f"e{n}", 1.0, n / CROWD / 10, of=scope(tenant="crowd")) for n in range(CROWD)]
    indexes.index.add([*crowd, entry("mine", 0.1, 1.0)], NOW)
    indexes.settle()

    assert [each.id for each in indexes.index.search(sought(1.0), SECONDS)] == ["mine"]


def test_the_graph_finds_what_comparing_all_finds(indexes):
    """A graph promises no exactness: with `BEAM` candidates none of 2,000 was missed, and a tenth would be too many."""
    size, chosen = 64, range(0, CROWD, 40)
    wide = scope(embedder="wide/64")
    indexes.index.add([entry(f"e{n}", of=wide, vector=noise(n, size)) for n in range(CROWD)], NOW)
    indexes.settle()

    found = [indexes.index.search(Sought(wide, noise(n, size), NOW, 1), SECONDS)[0].id for n in chosen]

    assert sum(name == f"e{n}" for name, n in zip(found, chosen, strict=True)) >= 0.9 * len(found)


def test_a_scope_no_larger_than_the_candidates_is_compared_whole(indexes):
    made = [entry(f"e{n}", vector=noise(n)) for n in range(BEAM)]
    indexes.index.add([*made, *(entry(f"o{n}", of=scope(user="bob"), vector=noise(n)) for n in range(CROWD))], NOW)
    indexes.settle()
    exact = MemoryVectors()
    exact.add(made, NOW)

    for seed in range(20):
        asked = Sought(SCOPE, noise(-seed), NOW)
        found, wanted = indexes.index.search(asked, SECONDS), exact.search(asked, SECONDS)
        assert [each.id for each in found] == [each.id for each in wanted]


def test_vectors_of_another_length_are_refused_and_cost_no_answer(indexes):
    indexes.index.add([entry()], NOW)

    with pytest.raises(IndexUnavailable):
        indexes.index.search(Sought(SCOPE, vector(1.0, size=16), NOW), SECONDS)
    with pytest.raises(IndexUnavailable):
        indexes.index.add([entry(vector=vector(1.0, size=16))], NOW)


def test_the_vector_is_not_kept_twice(indexes, engine, base):
    indexes.index.add([entry()], NOW)
    indexes.settle()

    (found,) = engine.call("GET", f"/{base}-*/_search", seconds=30).body["hits"]["hits"]

    assert "packed" in found["_source"]
    assert "vector" not in found["_source"]


def test_an_index_takes_no_field_that_it_does_not_know(indexes, engine, base):
    indexes.index.add([entry()], NOW)

    for index in (schema.alias(base, SCOPE.embedder), f"{base}-made-by-hand"):
        reply = engine.call("POST", f"/{index}/_doc", {"prompt": "secret"}, seconds=30)
        assert schema.kind_of_error(reply) == "strict_dynamic_mapping_exception"


def test_an_index_is_made_once_however_many_make_it(indexes):
    for _ in range(3):
        indexes.again().add([entry()], NOW)
    indexes.settle()

    assert indexes.index.health().entries == 1


def test_nothing_listens_there(clock):
    index = OpenSearchIndex(Engine(Place(("http://127.0.0.1:9",)), clock=clock), "base")

    with pytest.raises(IndexUnavailable):
        index.search(sought(1.0), SECONDS)
