"""The product's two indexes over stores in memory that, told to, forget to filter; and a check that can be left out."""

import itertools
import json
from types import SimpleNamespace

import msgspec
import numpy as np

from chalicelib.adapters.dynamodb import entry_items
from chalicelib.adapters.dynamodb.entries import DynamoEntries
from chalicelib.adapters.vectors.flat import FlatIndex
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_documents import Document, document
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place

EVERYBODY = ""


class Anybody(str):
    """Equal to every scope, whoever compares."""

    __slots__ = ()

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    __hash__ = str.__hash__


class Table:
    """A table of entries; without its filter, a Query gives the items of every partition."""

    tables = SimpleNamespace(entries="entries")

    def __init__(self, *, filters):
        self.filters, self.items, self.changes = filters, {}, 0

    def put(self, entry, now):
        item = entry_items.entry_item(entry, now + self.changes * 0.001)
        self.items.setdefault(item["pk"]["S"] if self.filters else EVERYBODY, []).append(item)
        self.changes += 1

    def call(self, operation, request):
        assert operation == "query"
        values = request["ExpressionAttributeValues"]
        items = self.items.get(values[":pk"]["S"] if self.filters else EVERYBODY, [])
        return {"Items": [item for item in items if item["sk"]["S"] >= values[":from"]["S"]]}


class Flat:
    """The index in the process; the mark of a scope is what a turn's opening read would have found."""

    def __init__(self, table):
        self._table = table
        self.door = table, "call"
        self._index = FlatIndex(DynamoEntries(table), clock=itertools.count().__next__, most_bytes=10**7)

    def search(self, sought, within_seconds):
        mark = str(self._table.changes or "")
        return self._index.search(msgspec.structs.replace(sought, mark=mark), within_seconds)


class Cluster:
    """An OpenSearch that compares all its documents; without its filter, those of everybody."""

    def __init__(self, *, filters):
        self.filters, self.documents, self.rows = filters, {}, {}
        self.transport = self

    def put(self, entry, now):
        made = document(entry)
        scope = made.scope if self.filters else EVERYBODY
        self.documents.setdefault(scope, []).append(msgspec.structs.asdict(made))
        self.rows[scope] = np.vstack([*self.rows.get(scope, []), made.row])

    def perform_request(self, method, path, params=None, body=None, headers=None):
        query = json.loads(body)
        clause = query["query"]["knn"]["vector"]
        scope = clause["filter"]["bool"]["filter"][0]["term"]["scope"] if self.filters else EVERYBODY
        if scope not in self.rows:
            return {"hits": {"hits": []}}
        cosines = self.rows[scope] @ np.array(clause["vector"], "<f4")
        best = np.argsort(-cosines)[: query["size"]]
        return {"hits": {"hits": [{"_source": self.documents[scope][place]} for place in best]}}


def flat(patch, off):
    """The index in the process over a table, and how an entry comes there."""
    table = Table(filters="filter" not in off)
    if "check" in off:
        read = entry_items._body_of
        patch.setattr(entry_items, "_body_of", lambda item: msgspec.structs.replace(read(item), scope=Anybody()))
    return Flat(table), table.put


def opensearch(patch, off):
    """The index in OpenSearch."""
    cluster = Cluster(filters="filter" not in off)
    engine = Engine(Place(("http://search.example",)), clock=float)
    engine._client = cluster
    if "check" in off:
        patch.setattr(Document, "own_scope", Anybody())
    index = OpenSearchIndex(engine, "tidegate-test")
    index.door = cluster, "perform_request"
    return index, cluster.put


INDEXES = {"flat": flat, "opensearch": opensearch}
