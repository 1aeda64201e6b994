"""Moves entries to another index while lookups and writes go on: for other fields or shards, or another embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from chalicelib.adapters.vectors import opensearch_batches as batches
from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_documents import FIELDS, Document
from chalicelib.adapters.vectors.opensearch_engine import Engine
from chalicelib.domain.entries import Entry

Embed = Callable[[Sequence[str]], Sequence[bytes]]
"""Vectors for texts, float32 in little-endian bytes."""

TURN_SECONDS: Final = 3_600  # an entry is as old as its question: what is written meanwhile may be this old


def renew(engine: Engine, base: str, embedder: str, dimensions: int, now: float) -> None:
    """Copy an embedder's entries to an index as this release makes them, put the alias there, delete the old one.

    Lookups find one or the other at every moment. What was written to the old one meanwhile is copied after the switch.
    """
    name = schema.alias(base, embedder)
    schema.prepare(engine, base, embedder, dimensions)
    (old,) = _ask(engine, "GET", f"/_alias/{name}")
    new = schema.numbered(name, int(old.rpartition("-")[2]) + 1)
    engine.call("DELETE", f"/{new}", seconds=schema.UPKEEP_SECONDS)  # left over by a move that was cut short
    schema.create(engine, new, dimensions)
    _copy(engine, old, new, 0)
    actions = [{"remove": {"index": old, "alias": name}}, {"add": {"index": new, "alias": name}}]
    _ask(engine, "POST", "/_aliases", {"actions": actions})
    _copy(engine, old, new, int(now) - TURN_SECONDS)
    _ask(engine, "DELETE", f"/{old}")


def translate(engine: Engine, base: str, source: str, target: str, embed: Embed) -> None:
    """Give another embedder the entries of one, with vectors of its own.

    The old ones stay for the release that still looks there; `retire` them when it is gone.
    """
    index = OpenSearchIndex(engine, base)
    for hits in batches.pages(engine, schema.alias(base, source), [], source=FIELDS):
        found = [msgspec.convert(hit["_source"], Document) for hit in hits]
        vectors = embed([each.question for each in found])
        index.add([_entry(*each, target) for each in zip(found, vectors, strict=True)], 0)


def retire(engine: Engine, base: str, embedder: str) -> None:
    """Delete everything of an embedder."""
    engine.call("DELETE", f"/{schema.alias(base, embedder)}-*", seconds=schema.UPKEEP_SECONDS)


def _copy(engine: Engine, old: str, new: str, since: int) -> None:
    """What is taken back while it is copied goes from the copy too: a purge looks in both, and this looks again."""
    for hits in batches.pages(engine, old, [{"range": {"created_at": {"gte": since}}}], source=FIELDS):
        found = [msgspec.convert(hit["_source"], Document) for hit in hits]
        batches.write(engine, new, found)
        if not engine.place.serverless:
            still = _ask(engine, "POST", f"/{old}/_mget?_source=false", {"ids": [each.name for each in found]})
            batches.delete(engine, new, [each["_id"] for each in still["docs"] if not each["found"]])


def _entry(kept: Document, vector: bytes, embedder: str) -> Entry:
    return Entry(
        id=kept.id,
        scope=msgspec.structs.replace(kept.own_scope, embedder=embedder),
        question=kept.question,
        vector=vector,
        answer=kept.answer,
        created_at=kept.created_at,
        expires_at=kept.expires_at,
        said=kept.said,
    )


def _ask(engine: Engine, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    return schema.done(engine.call(method, path, body, seconds=schema.UPKEEP_SECONDS)).body
