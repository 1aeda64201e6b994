"""Entries as documents of OpenSearch, and what a search finds as neighbours."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from chalicelib.domain.entries import AnswerScope, Entry, Neighbour, Sought


class Document(Struct):
    """What is kept of an entry, its vector in the form that is searched aside."""

    id: str
    scope: str
    tenant: str
    user: str
    model: str
    prefix: str
    embedder: str
    question: str
    answer: str
    packed: str
    created_at: int
    expires_at: int
    said: str = ""

    @property
    def own_scope(self) -> AnswerScope:
        """The scope that it says it is of, in parts: what is believed in the end."""
        return AnswerScope(self.tenant, self.user, self.model, self.prefix, self.embedder)

    @property
    def row(self) -> Any:
        """Its vector, of unit length."""
        return np.frombuffer(base64.b64decode(self.packed), "<f4")

    @property
    def name(self) -> str:
        """Its id among all documents, where ids are ours: the same id in two scopes is two documents."""
        return hashlib.sha256(f"{self.scope}\n{self.id}".encode()).hexdigest()


FIELDS: Final = list(Document.__struct_fields__)
BEAM: Final = 100  # candidates that a walk through the graph keeps: with one alone, one nearest in 200 was missed


def scope_digest(scope: AnswerScope) -> str:
    """One word for each scope."""
    return hashlib.sha256(scope.label.encode()).hexdigest()


def document(entry: Entry) -> Document | None:
    """None for a vector without a direction: of zeros, or of what is no number."""
    vector = np.frombuffer(entry.vector, "<f4")
    length = float(np.linalg.norm(vector))
    if not 0 < length < math.inf:
        return None
    return Document(
        id=entry.id,
        scope=scope_digest(entry.scope),
        tenant=entry.scope.tenant,
        user=entry.scope.user,
        model=entry.scope.model,
        prefix=entry.scope.prefix,
        embedder=entry.scope.embedder,
        question=entry.question,
        answer=entry.answer,
        packed=base64.b64encode((vector / length).astype("<f4").tobytes()).decode(),
        created_at=entry.created_at,
        expires_at=entry.expires_at,
        said=entry.said,
    )


def body(kept: Document) -> dict[str, Any]:
    """What is sent."""
    return {**msgspec.structs.asdict(kept), "vector": kept.row.tolist()}


def knn_query(sought: Sought, most: int) -> dict[str, Any]:
    """The filter stands inside the clause: one outside drops hits after the search, down to none.

    A scope of up to `BEAM` entries is compared whole, hence exactly.
    """
    mine = [{"term": {"scope": scope_digest(sought.scope)}}, {"range": {"expires_at": {"gt": int(sought.now)}}}]
    vector = np.frombuffer(sought.vector, "<f4").tolist()
    clause = {"vector": {"vector": vector, "k": max(most, BEAM), "filter": {"bool": {"filter": mine}}}}
    return {"size": most, "_source": FIELDS, "query": {"knn": clause}}


def neighbours(sought: Sought, hits: Iterable[dict[str, Any]]) -> list[Neighbour]:
    """The hits that are what was sought, whatever the engine says: of the scope, good, each id once, by cosine."""
    newest: dict[str, Document] = {}
    for hit in hits:
        found = _decoded(hit)
        if found is None or found.own_scope != sought.scope or found.expires_at <= sought.now:
            continue
        twin = newest.get(found.id)
        if twin is None or twin.created_at < found.created_at:
            newest[found.id] = found
    return _nearest(sought, list(newest.values()))


def _decoded(hit: dict[str, Any]) -> Document | None:
    try:
        return msgspec.convert(hit.get("_source"), Document)
    except msgspec.ValidationError:
        return None


def _nearest(sought: Sought, found: Sequence[Document]) -> list[Neighbour]:
    vector = np.frombuffer(sought.vector, "<f4")
    unit = vector / np.float32(np.linalg.norm(vector))
    cosines = [(_cosine(each, unit), each) for each in found]
    best = sorted((pair for pair in cosines if pair[0] is not None), key=lambda pair: -(pair[0] or 0.0))
    return [
        Neighbour(
            each.id,
            sought.scope,
            each.question,
            each.answer,
            each.created_at,
            each.expires_at,
            cosine or 0.0,
            each.said,
        )
        for cosine, each in best[: sought.most]
    ]


def _cosine(kept: Document, unit: Any) -> float | None:
    """None where the document holds no vector of that length."""
    try:
        row = kept.row
    except (binascii.Error, ValueError):
        return None
    if len(row) != len(unit) or not np.isfinite(row).all():
        return None
    return min(max(float(row @ unit), -1.0), 1.0)
