"""An index in OpenSearch: the managed service, Serverless, or one of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from chalicelib.adapters.vectors import opensearch_documents as documents
from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch_engine import Engine, Reply
from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Sought
from chalicelib.domain.errors import IndexUnavailable

WRITE_SECONDS: Final = 2.0
BATCH: Final = 500
_GONE: Final = 404
_OLDER: Final = 409  # what is there is newer
_FINE: Final = 300


class OpenSearchIndex:
    """`VectorIndex` over OpenSearch. `base` is what the names of a stage's indexes begin with."""

    def __init__(self, engine: Engine, base: str) -> None:
        self._engine = engine
        self._base = base
        self._prepared: set[str] = set()

    def search(self, sought: Sought, within_seconds: float) -> Sequence[Neighbour]:
        """One request. Twice as many are asked for where the same id may come twice."""
        if not any(sought.vector) or sought.most <= 0:
            return []
        most = sought.most * (2 if self._engine.place.serverless else 1)
        path = f"/{schema.alias(self._base, sought.scope.embedder)}/_search"
        query = documents.knn_query(sought, most)
        return documents.neighbours(sought, _hits(self._engine.call("POST", path, query, seconds=within_seconds)))

    def add(self, entries: Sequence[Entry], now: float) -> None:
        """A request for each 500 entries of an embedder; the first ever makes its index."""
        del now
        kept = [found for entry in entries if (found := documents.document(entry))]
        for embedder in dict.fromkeys(each.embedder for each in kept):
            self._add(embedder, [each for each in kept if each.embedder == embedder])

    def remove(self, scope: AnswerScope, ids: Sequence[str], now: float) -> None:
        """On Serverless, what was added within the last minute may not be seen, and stays."""
        self._delete(
            [
                {"term": {"scope": documents.scope_digest(scope)}},
                {"terms": {"id": list(ids)}},
                {"range": {"created_at": {"lte": int(now)}}},
            ]
        )

    def purge(self, purge: Purge, now: float) -> int:
        """In every index, so that what is being copied from one to another goes from both."""
        before = int(now) + 1 if purge.before is None else purge.before
        parts = {"tenant": purge.tenant, "user": purge.user, "model": purge.model, "prefix": purge.prefix}
        terms = [{"term": {name: part}} for name, part in parts.items() if part is not None]
        return self._delete([*terms, {"range": {"created_at": {"lt": before}}}])

    def expire(self, now: float) -> int:
        """A search for what expired, and a delete for each 500 documents."""
        return self._delete([{"range": {"expires_at": {"lte": int(now)}}}])

    def health(self) -> Health:
        """The number of documents, those that expired since the last clearing included."""
        try:
            reply = self._engine.call("GET", f"/{schema.every(self._base)}/_count", seconds=WRITE_SECONDS)
            found = schema.done(reply).body
        except IndexUnavailable as fault:
            return Health(up=False, entries=0, words=fault.message)
        failed = int(found["_shards"]["failed"])
        return Health(up=not failed, entries=int(found["count"]), words=f"{failed} shards failed" if failed else "")

    def _add(self, embedder: str, kept: Sequence[documents.Document]) -> None:
        name = schema.alias(self._base, embedder)
        if name not in self._prepared:
            schema.prepare(self._engine, self._base, embedder, len(kept[0].row))
            self._prepared.add(name)
        for start in range(0, len(kept), BATCH):
            self._bulk(name, [line for each in kept[start : start + BATCH] for line in self._indexed(each)])

    def _indexed(self, kept: documents.Document) -> tuple[dict[str, Any], dict[str, Any]]:
        """A document with its own id, which a newer one replaces; Serverless gives ids itself."""
        version = {"version": kept.created_at, "version_type": "external_gte"}
        action = {} if self._engine.place.serverless else {"_id": kept.name, **version}
        return {"index": action}, documents.body(kept)

    def _delete(self, filters: Sequence[dict[str, Any]]) -> int:
        """One way for every service: Serverless has no delete-by-query, and refuses to refresh."""
        pattern = schema.every(self._base)
        if not self._engine.place.serverless:
            self._engine.call("POST", f"/{pattern}/_refresh", seconds=schema.UPKEEP_SECONDS)
        count = 0
        for hits in self._pages(pattern, filters):
            for index in {hit["_index"] for hit in hits}:
                self._bulk(index, [{"delete": {"_id": hit["_id"]}} for hit in hits if hit["_index"] == index])
            count += len(hits)
        return count

    def _pages(self, pattern: str, filters: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
        query: dict[str, Any] = {
            "size": BATCH,
            "_source": False,
            "query": {"bool": {"filter": list(filters)}},
            "sort": [{"created_at": "asc"}, {"id": "asc"}, {"scope": "asc"}],
        }
        while hits := _hits(self._engine.call("POST", f"/{pattern}/_search", query, seconds=schema.UPKEEP_SECONDS)):
            yield hits
            query = {**query, "search_after": hits[-1]["sort"]}

    def _bulk(self, index: str, lines: Sequence[dict[str, Any]]) -> None:
        reply = schema.done(self._engine.call("POST", f"/{index}/_bulk", lines, seconds=WRITE_SECONDS))
        for item in reply.body["items"]:
            ((_, outcome),) = item.items()
            if outcome["status"] >= _FINE and outcome["status"] not in {_GONE, _OLDER}:
                raise IndexUnavailable(f"OpenSearch refused a document: {outcome['status']}")


def _hits(reply: Reply) -> list[dict[str, Any]]:
    """What a search found; nothing where no index was made yet."""
    if reply.status == _GONE:
        return []
    found: list[dict[str, Any]] = schema.done(reply).body["hits"]["hits"]
    return found
