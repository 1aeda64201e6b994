"""Documents of OpenSearch by the hundreds: read page by page, written and deleted in bulk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch_documents import Document, body
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place, Reply
from chalicelib.domain.errors import IndexUnavailable

BATCH: Final = 500

_ABSENT: Final = 404
_OLDER: Final = 409  # what is there is newer
_FINE: Final = 300

_Shape = TypeVar("_Shape")


class _Hits(Struct):
    hits: list[dict[str, Any]]


class _Found(Struct):
    hits: _Hits


class _Shards(Struct):
    failed: int


class _Counted(Struct, rename={"shards": "_shards"}):
    count: int
    shards: _Shards


class _Outcome(Struct):
    status: int


class _Outcomes(Struct):
    items: list[dict[str, _Outcome]]


def write(engine: Engine, index: str, kept: Sequence[Document]) -> None:
    """Index documents, with ids of ours where the service takes them: a newer one replaces an older one then."""
    for start in range(0, len(kept), BATCH):
        lines = (line for each in kept[start : start + BATCH] for line in (_action(engine.place, each), body(each)))
        _bulk(engine, index, list(lines))


def delete(engine: Engine, index: str, names: Sequence[str]) -> None:
    """Delete documents by OpenSearch's ids. One that is not there is a repetition."""
    if not names:
        return
    _bulk(engine, index, [{"delete": {"_id": name}} for name in names])


def pages(
    engine: Engine, index: str, filters: Sequence[dict[str, Any]], *, source: bool | Sequence[str] = False
) -> Iterator[list[dict[str, Any]]]:
    """Every hit of the filters, the oldest first. What was written just before is seen, but for Serverless."""
    if not engine.place.serverless:
        engine.call("POST", f"/{index}/_refresh", seconds=schema.UPKEEP_SECONDS)
    query: dict[str, Any] = {
        "size": BATCH,
        "_source": source,
        "query": {"bool": {"filter": list(filters)}},
        "sort": [{"created_at": "asc"}, {"id": "asc"}, {"scope": "asc"}],
    }
    while found := hits(engine.call("POST", f"/{index}/_search", query, seconds=schema.UPKEEP_SECONDS)):
        yield found
        query = {**query, "search_after": found[-1]["sort"]}


def count(engine: Engine, index: str) -> tuple[int, int]:
    """How many documents there are, and how many shards could not say."""
    found = _shaped(engine.call("GET", f"/{index}/_count", seconds=engine.write_seconds), _Counted)
    return found.count, found.shards.failed


def hits(reply: Reply) -> list[dict[str, Any]]:
    """What a search found; nothing where no index was made yet."""
    if reply.status == _ABSENT:
        return []
    return _shaped(reply, _Found).hits.hits


def _action(place: Place, kept: Document) -> dict[str, Any]:
    own = {"_id": kept.name, "version": kept.created_at, "version_type": "external_gte"}
    return {"index": {} if place.serverless else own}


def _bulk(engine: Engine, index: str, lines: Sequence[dict[str, Any]]) -> None:
    reply = engine.call("POST", f"/{index}/_bulk", lines, seconds=engine.write_seconds)
    for outcome in (each for item in _shaped(reply, _Outcomes).items for each in item.values()):
        if outcome.status >= _FINE and outcome.status not in {_ABSENT, _OLDER}:
            raise IndexUnavailable(f"OpenSearch refused a document: {outcome.status}")


def _shaped(reply: Reply, shape: type[_Shape]) -> _Shape:
    try:
        return msgspec.convert(schema.done(reply).body, shape)
    except msgspec.ValidationError as fault:
        raise IndexUnavailable("OpenSearch's answer is none") from fault
