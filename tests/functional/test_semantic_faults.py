"""What fails in the semantic tier costs a miss: the turn goes on, the fault is told, and nothing foreign is shown."""

import json
from types import SimpleNamespace

import msgspec
import opensearchpy
import pytest

from chalicelib import bootstrap
from chalicelib.adapters.vectors import opensearch_engine
from chalicelib.adapters.vectors.breaker import FAILURES
from chalicelib.adapters.vectors.opensearch_documents import document
from chalicelib.domain.entries import AnswerScope, Entry
from chalicelib.domain.errors import Misconfigured, ModelGarbled, ModelTimeout, ModelUnavailable
from tests.functional.test_logs import lines, turns

ASKED, AGAIN = "How do I boil an egg?", "How can I boil an egg?"
SECRET = "What only Eve was told"
MILLISECONDS = 50
WRONG_LENGTH = {"error": {"type": "illegal_argument_exception", "reason": "Query vector has invalid dimension"}}
NO_VECTOR = {"error": {"type": "query_shard_exception", "reason": "Field 'vector' is not knn_vector type."}}

__all__ = ["lines"]


class Transport:
    """Where opensearch-py sends requests: gives an answer, or fails, and keeps what it was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def perform_request(self, method, path, params=None, body=None, headers=None):
        self.asked.append((method, path, params))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def key(world):
    return world.key()


@pytest.fixture
def over_opensearch(world, monkeypatch):
    """A world whose index is in an OpenSearch that does as told."""

    def make(answer):
        transport = Transport(answer)
        monkeypatch.setattr(opensearch_engine, "_client", lambda _: SimpleNamespace(transport=transport))
        monkeypatch.setenv("TIDEGATE_SEMANTIC", "serve")
        monkeypatch.setenv("TIDEGATE_SEMANTIC_MS", str(MILLISECONDS))
        monkeypatch.setenv("TIDEGATE_OPENSEARCH", "opensearch+https://search.example.com")
        world.restart()
        return transport

    return make


def hits(*documents):
    return {"hits": {"hits": [{"_index": "i", "_id": str(n), "_source": each} for n, each in enumerate(documents)]}}


def of_eve(question=AGAIN):
    """A document as another tenant's: near to what is asked, and with the answer's key in its place."""
    scope = AnswerScope("evil", "eve", "nova-lite", "p", "wordllama://")
    (vector,) = bootstrap.services().cache.semantic.meanings().embedder.embed([question]).vectors
    return msgspec.structs.asdict(document(Entry("k", scope, question, vector, "k", 1, 9**12)))


@pytest.mark.parametrize(
    "answer",
    [
        opensearchpy.ConnectionError("N/A", "refused", OSError()),
        opensearchpy.ConnectionTimeout("TIMEOUT", "slow", OSError()),
        opensearchpy.TransportError(503, "search_phase_execution_exception", {"error": "all shards failed"}),
        opensearchpy.TransportError(429, "rejected_execution_exception", {}),
        opensearchpy.AuthorizationException(403, "no", {}),
        opensearchpy.SerializationError("no json"),
        {**WRONG_LENGTH, "status": 400},
        {**NO_VECTOR, "status": 400},
        {"error": "odd", "status": "none"},
        {"hits": "garbage"},
        "<html>",
    ],
    ids=["down", "slow", "red", "busy", "forbidden", "no json", "dimension", "mapping", "status", "garbage", "page"],
)
def test_an_index_that_fails_costs_a_miss_within_its_time(over_opensearch, world, key, lines, capfd, answer):
    transport = over_opensearch(answer)

    reply = world.chat(ASKED, key=key)

    (line,) = turns(lines)
    _, _, params = transport.asked[0]
    assert (reply.status, reply.headers["x-tidegate-cache"], ASKED in reply.text) == (200, "miss", True)
    assert (line["judged"], line["cache_failed"]) == ("IndexUnavailable", True)
    assert '"cache_faults":[1.0]' in capfd.readouterr().out
    assert params["request_timeout"].total == MILLISECONDS / 1_000
    assert "error" not in line


def test_an_index_that_is_down_is_left_alone_and_the_exact_tier_goes_on(over_opensearch, world, key):
    transport = over_opensearch(opensearchpy.ConnectionError("N/A", "refused", OSError()))
    questions = [f"How do I boil egg {n}?" for n in range(5)]
    for each in questions:
        world.chat(each, key=key)

    again = [world.chat(each, key=key).headers["x-tidegate-cache"] for each in questions]

    assert len(transport.asked) == FAILURES
    assert again == ["hit"] * 5


def test_a_document_of_another_tenant_is_never_shown(over_opensearch, world, key, lines):
    transport = over_opensearch(hits())
    transport.answer = hits(of_eve(), {**of_eve(), "question": SECRET}, {"question": SECRET})

    reply = world.chat(ASKED, key=key)

    (line,) = turns(lines)
    assert (reply.headers["x-tidegate-cache"], ASKED in reply.text) == ("miss", True)
    assert SECRET not in reply.text
    assert line["judged"] == "no neighbour"
    assert SECRET not in json.dumps(lines())


@pytest.fixture
def serving(world, monkeypatch):
    return world.serving_by_meaning(monkeypatch)


@pytest.mark.parametrize(
    "fault", [ModelTimeout("slow"), ModelUnavailable("down"), ModelGarbled("odd"), Misconfigured("no weights")]
)
def test_an_embedder_that_fails_costs_a_miss_within_its_time(serving, key, lines, monkeypatch, fault):
    heard = []

    def embed(texts, dimensions=None, patience=None):
        heard.append(patience)
        raise fault

    monkeypatch.setattr(bootstrap.services().cache.semantic.meanings().embedder, "embed", embed, raising=False)

    reply = serving.chat(ASKED, key=key)

    (line,) = turns(lines)
    assert (reply.status, reply.headers["x-tidegate-cache"]) == (200, "miss")
    assert (line["judged"], line["cache_failed"]) == (type(fault).__name__, True)
    assert heard == [20.0]


def test_an_embedder_that_cannot_be_made_costs_a_miss(world, key, lines, monkeypatch):
    monkeypatch.setenv("TIDEGATE_SEMANTIC", "serve")
    monkeypatch.setenv("TIDEGATE_EMBEDDER", "wordllama://odd")
    world.restart()

    assert world.chat(ASKED, key=key).headers["x-tidegate-cache"] == "miss"

    (line,) = turns(lines)
    assert (line["judged"], line["cache_failed"]) == ("Misconfigured", True)
