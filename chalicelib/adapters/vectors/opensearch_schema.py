"""What indexes in OpenSearch are called and made of.

Each embedder has an alias of its own, over an index with a number: vectors of two embedders never meet, two releases of
the product with an embedder each run beside each other, and an index is replaced by another behind its alias.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from chalicelib.adapters.vectors.opensearch_engine import Engine, Place, Reply
from chalicelib.domain.errors import IndexUnavailable

UPKEEP_SECONDS: Final = 30.0

_KEYWORD: Final = {"type": "keyword"}
_UNSEARCHED: Final = {"type": "keyword", "index": False, "doc_values": False}
_FIELDS: Final = {
    "id": _KEYWORD,
    "scope": _KEYWORD,  # the digest of all its parts: what a search is held to
    "tenant": _KEYWORD,
    "user": _KEYWORD,
    "model": _KEYWORD,
    "prefix": _KEYWORD,
    "embedder": _UNSEARCHED,
    "question": {"type": "text", "index": False},
    "answer": _UNSEARCHED,
    "said": _UNSEARCHED,
    "packed": {"type": "binary"},  # float32, base64: the cosine is computed here, engines scale theirs as they like
    "created_at": {"type": "long"},
    "expires_at": {"type": "long"},
}
_FIRST: Final = 1


def alias(base: str, embedder: str) -> str:
    """What an embedder's entries are found by: readable, and never that of another."""
    words = re.sub("[^a-z0-9]+", "-", embedder.lower()).strip("-")[:40]
    return f"{base}-{words}-{hashlib.sha256(embedder.encode()).hexdigest()[:8]}"


def every(base: str) -> str:
    """A pattern for all indexes, whichever embedder they are for."""
    return f"{base}-*"


def numbered(name: str, number: int = _FIRST) -> str:
    """An index behind an alias."""
    return f"{name}-{number:06d}"


def mappings(place: Place, dimensions: int) -> dict[str, Any]:
    """Fields and the graph. The vector is not kept twice: `packed` is what is read back."""
    space = {"lucene": "cosinesimil", "faiss": "innerproduct"}[place.method]  # the same for vectors of unit length
    method = {
        "name": "hnsw",
        "engine": place.method,
        "space_type": space,
        "parameters": {"m": 16, "ef_construction": 128},
    }
    vector = {"type": "knn_vector", "dimension": dimensions, "method": method}
    return {"dynamic": "strict", "_source": {"excludes": ["vector"]}, "properties": {**_FIELDS, "vector": vector}}


def settings(place: Place) -> dict[str, Any]:
    """Serverless decides for itself on shards and copies."""
    own = {} if place.serverless else {"number_of_shards": 1, "number_of_replicas": 1, "refresh_interval": "1s"}
    return {"index": {"knn": True, **own}}


def template(place: Place, base: str) -> dict[str, Any]:
    """What an index gets that somebody makes by hand, or by writing to it: the fields, and none besides."""
    fields = {"dynamic": "strict", "_source": {"excludes": ["vector"]}, "properties": _FIELDS}
    return {"index_patterns": [every(base)], "template": {"settings": settings(place), "mappings": fields}}


def prepare(engine: Engine, base: str, embedder: str, dimensions: int) -> None:
    """Make an embedder's first index and its alias; one of an older release learns the fields that are new.

    Safe to repeat, and to do at once with others.
    """
    name = alias(base, embedder)
    if engine.call("HEAD", f"/{name}", seconds=UPKEEP_SECONDS).status == 200:  # noqa: PLR2004 # its name is OK
        done(engine.call("PUT", f"/{name}/_mapping", {"properties": _FIELDS}, seconds=UPKEEP_SECONDS))
        return
    if not engine.place.serverless:
        done(engine.call("PUT", f"/_index_template/{base}", template(engine.place, base), seconds=UPKEEP_SECONDS))
    create(engine, numbered(name), dimensions, aliases={name: {}})


def create(engine: Engine, index: str, dimensions: int, *, aliases: dict[str, Any] | None = None) -> None:
    """Make an index; one that exists is a repetition."""
    body = {
        "settings": settings(engine.place),
        "mappings": mappings(engine.place, dimensions),
        "aliases": aliases or {},
    }
    reply = engine.call("PUT", f"/{index}", body, seconds=UPKEEP_SECONDS)
    if kind_of_error(reply) != "resource_already_exists_exception":
        done(reply)


def done(reply: Reply) -> Reply:
    """A reply that is a success."""
    if reply.status != 200:  # noqa: PLR2004 # its name is OK
        raise IndexUnavailable(f"OpenSearch refused: {reply.status} {kind_of_error(reply)}")
    return reply


def kind_of_error(reply: Reply) -> str:
    """OpenSearch's word for what went wrong; its sentence may quote what was sent."""
    error = reply.body.get("error", "")
    return str(error.get("type", "")) if isinstance(error, dict) else ""
