"""An index in OpenSearch: the managed service, Serverless, or one of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.adapters.vectors import opensearch_batches as batches
from chalicelib.adapters.vectors import opensearch_documents as documents
from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.opensearch_engine import Engine
from chalicelib.domain.entries import AnswerScope, Entry, Health, Neighbour, Purge, Sought
from chalicelib.domain.errors import IndexUnavailable


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
        reply = self._engine.call("POST", path, query, seconds=within_seconds)
        return documents.neighbours(sought, batches.hits(reply))

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
        """A search for what expired, and a request for each 500 documents."""
        return self._delete([{"range": {"expires_at": {"lte": int(now)}}}])

    def health(self) -> Health:
        """The number of documents, those that expired since the last clearing included."""
        try:
            entries, failed = batches.count(self._engine, schema.every(self._base))
        except IndexUnavailable as fault:
            return Health(up=False, entries=0, words=fault.message)
        return Health(up=not failed, entries=entries, words=f"{failed} shards failed" if failed else "")

    def _add(self, embedder: str, kept: Sequence[documents.Document]) -> None:
        name = schema.alias(self._base, embedder)
        if name not in self._prepared:
            schema.prepare(self._engine, self._base, embedder, len(kept[0].row))
            self._prepared.add(name)
        batches.write(self._engine, name, kept)

    def _delete(self, filters: Sequence[dict[str, Any]]) -> int:
        """One way for every service: Serverless has no delete-by-query."""
        count = 0
        for hits in batches.pages(self._engine, schema.every(self._base), filters):
            for index in {hit["_index"] for hit in hits}:
                batches.delete(self._engine, index, [hit["_id"] for hit in hits if hit["_index"] == index])
            count += len(hits)
        return count
