"""An index that an older release made."""

from chalicelib.adapters.vectors import opensearch_schema as schema
from tests.contract.meanings import DIMENSIONS, SCOPE, SECONDS, entry, sought


def test_it_is_searched_as_it_is_and_takes_what_is_new(engine, base, indexes):
    mappings = schema.mappings(engine.place, DIMENSIONS)
    older = {**mappings, "properties": {k: v for k, v in mappings["properties"].items() if k != "said"}}
    name = schema.alias(base, SCOPE.embedder)
    body = {"settings": schema.settings(engine.place), "mappings": older, "aliases": {name: {}}}
    schema.done(engine.call("PUT", f"/{schema.numbered(name)}", body, seconds=60))
    assert list(indexes.index.search(sought(1.0), SECONDS)) == []

    indexes.index.add([entry("e1", 1.0, said="5d1c")], 0)
    indexes.settle()

    (near,) = indexes.index.search(sought(1.0), SECONDS)
    assert near.said == "5d1c"
