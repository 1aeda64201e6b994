"""OpenSearch as it may behave: lying, silent, refusing, Serverless. `tests/opensearch` shows what real engines do."""

import base64
import itertools
import json
import threading

import msgspec
import pytest

from chalicelib.adapters.vectors import opensearch_schema as schema
from chalicelib.adapters.vectors.breaker import FAILURES, LONGEST_SECONDS, OPEN_SECONDS
from chalicelib.adapters.vectors.opensearch import OpenSearchIndex
from chalicelib.adapters.vectors.opensearch_documents import BEAM, document
from chalicelib.adapters.vectors.opensearch_engine import Engine, Place, place
from chalicelib.domain.entries import Purge
from chalicelib.domain.errors import IndexUnavailable, Misconfigured
from tests.contract.meanings import NOW, SCOPE, SECONDS, entry, scope, sought, vector
from tests.upstreams.opensearch_server import serving

PARTS = ("tenant", "user", "model", "prefix", "embedder")
NOTHING = {"hits": {"hits": []}}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def hit(found, *, score=1.0, **changes):
    """A hit with the document of an entry, in which some fields are other than its entry says."""
    return {"_index": "i", "_id": "1", "_score": score, "_source": msgspec.structs.asdict(document(found)) | changes}


def index_at(url, clock=None, **options):
    return OpenSearchIndex(Engine(Place((url,), **options), clock=clock or Clock()), "base")


@pytest.fixture
def told():
    """An index over a server, and what that answers next."""

    class Told:
        answers = (200, NOTHING)
        clock = Clock()

    with serving(lambda *_: Told.answers) as (url, server):
        Told.server = server
        Told.index = index_at(url, Told.clock)
        yield Told


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


def found(told, *hits):
    told.answers = (200, {"hits": {"hits": list(hits)}})
    return [each.id for each in told.index.search(sought(1.0), SECONDS)]


@pytest.mark.parametrize("part", PARTS)
def test_an_entry_of_another_scope_is_not_found_though_the_engine_returns_it(told, part):
    foreign = entry("theirs", of=scope(**{part: "other"}))

    assert found(told, hit(foreign), hit(entry("mine"))) == ["mine"]


def test_the_digest_of_the_scope_is_not_believed(told):
    foreign = entry("theirs", of=scope(tenant="evil"))

    assert found(told, hit(foreign, scope=document(entry("mine")).scope)) == []


def test_what_has_expired_is_not_found_though_the_engine_returns_it(told):
    assert found(told, hit(entry("old", expires_at=NOW)), hit(entry("mine"))) == ["mine"]


def test_the_cosine_is_computed_whatever_the_engine_scores(told):
    far, near = entry("far", 0.0, 1.0), entry("near", 1.0, 0.1)
    told.answers = (200, {"hits": {"hits": [hit(far, score=99), hit(near, score=0.01)]}})

    neighbours = told.index.search(sought(1.0), SECONDS)

    assert [each.id for each in neighbours] == ["near", "far"]
    assert [each.similarity for each in neighbours] == pytest.approx([0.995, 0.0], abs=1e-3)


@pytest.mark.parametrize(
    "changes",
    [
        {"packed": "no base64"},
        {"packed": base64.b64encode(vector(1.0, size=4)).decode()},
        {"packed": base64.b64encode(vector(float("nan"))).decode()},
        {"packed": base64.b64encode(b"odd").decode()},
        {"packed": 7},
        {"question": None},
        {"created_at": "now"},
    ],
    ids=str,
)
def test_a_document_that_is_none_is_left_out(told, changes):
    assert found(told, hit(entry("broken"), **changes), hit(entry("mine"))) == ["mine"]


def test_a_hit_without_a_document_is_left_out(told):
    assert found(told, {"_id": "1"}, {"_id": "2", "_source": []}, hit(entry("mine"))) == ["mine"]


def test_twins_are_one_and_the_newest_speaks(told):
    old, new = entry("e1", answer="old", created_at=NOW - 5), entry("e1", 0.9, 0.1, answer="new")
    told.answers = (200, {"hits": {"hits": [hit(old), hit(new), hit(old)]}})

    (near,) = told.index.search(sought(1.0), SECONDS)

    assert near.answer == "new"


def test_more_hits_than_were_asked_for_are_cut(told):
    hits = [hit(entry(f"e{n}", 1.0, n / 10)) for n in range(9)]
    told.answers = (200, {"hits": {"hits": hits}})

    assert [each.id for each in told.index.search(sought(1.0, most=2), SECONDS)] == ["e0", "e1"]


def test_the_filter_stands_inside_the_clause(told):
    found(told)

    ((method, path, body),) = told.server.requests
    query = json.loads(body)
    clause = query["query"]["knn"]["vector"]
    assert (method, path) == ("POST", f"/{schema.alias('base', 'tiny/8')}/_search")
    assert set(query["query"]) == {"knn"}
    assert clause["filter"]["bool"]["filter"] == [
        {"term": {"scope": document(entry()).scope}},
        {"range": {"expires_at": {"gt": NOW}}},
    ]


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 502, 503])
def test_a_refusal_is_an_index_that_is_not_there(told, status):
    told.answers = (status, {"error": {"type": "some_exception", "reason": "What is e1?"}, "status": status})

    for call in (
        lambda: told.index.search(sought(1.0), SECONDS),
        lambda: told.index.add([entry()], NOW),
        lambda: told.index.purge(Purge("acme"), NOW),
    ):
        with pytest.raises(IndexUnavailable) as fault:
            call()
        assert "What is" not in str(fault.value)
        told.index = OpenSearchIndex(Engine(told.index._engine.place, clock=Clock()), "base")


@pytest.mark.parametrize("answer", [b"", b"no json", b"[]", b'{"hits": 1}', b'{"hits": {}}', b"null"])
def test_an_answer_that_is_none_is_an_index_that_is_not_there(told, answer):
    told.answers = (200, answer)

    with pytest.raises(IndexUnavailable):
        told.index.search(sought(1.0), SECONDS)


def test_a_connection_that_is_cut_is_an_index_that_is_not_there(told):
    told.answers = None

    with pytest.raises(IndexUnavailable):
        told.index.search(sought(1.0), SECONDS)
    assert len(told.server.requests) == 1
    assert not told.index.health().up


def test_a_silent_server_costs_the_time_it_was_given_and_is_not_asked_twice():
    let_go = threading.Event()
    with serving(lambda *_: let_go.wait(30) and None) as (url, server):
        index = index_at(url)
        with pytest.raises(IndexUnavailable, match="ConnectionTimeout"):
            index.search(sought(1.0), 0.05)
        assert len(server.requests) == 1
        let_go.set()


def test_an_index_that_was_never_made_is_empty(told):
    told.answers = (404, {"error": {"type": "index_not_found_exception"}, "status": 404})

    assert list(told.index.search(sought(1.0), SECONDS)) == []


def test_a_server_that_fails_again_and_again_is_left_alone_for_a_while(told):
    told.answers = (503, {})
    for _ in range(FAILURES):
        with pytest.raises(IndexUnavailable):
            told.index.search(sought(1.0), SECONDS)

    with pytest.raises(IndexUnavailable, match="left alone"):
        told.index.search(sought(1.0), SECONDS)
    assert len(told.server.requests) == FAILURES

    told.clock.now = OPEN_SECONDS
    told.answers = (200, NOTHING)
    assert list(told.index.search(sought(1.0), SECONDS)) == []
    assert list(told.index.search(sought(1.0), SECONDS)) == []


def test_the_pause_grows_to_its_bound(told):
    told.answers = (503, {})
    pauses = []
    for _ in range(FAILURES + 8):
        before = len(told.server.requests)
        while len(told.server.requests) == before:
            with pytest.raises(IndexUnavailable):
                told.index.search(sought(1.0), SECONDS)
            told.clock.now += 0.5
        pauses.append(told.clock.now)

    gaps = [later - sooner for sooner, later in itertools.pairwise(pauses)][FAILURES - 1 :]
    assert gaps == sorted(gaps)
    assert gaps[0] == pytest.approx(OPEN_SECONDS, abs=1)
    assert gaps[-1] == pytest.approx(LONGEST_SECONDS, abs=1)


def test_one_failed_document_fails_the_write(told):
    told.answers = (200, {"errors": True, "items": [{"index": {"status": 201}}, {"index": {"status": 400}}]})

    with pytest.raises(IndexUnavailable, match="400"):
        told.index.add([entry()], NOW)


@pytest.mark.parametrize("service", ["es", "aoss"])
def test_requests_are_signed_for_the_service(credentials, service):
    with serving(lambda *_: (200, NOTHING)) as (url, server):
        index_at(url, service=service, region="eu-west-1").search(sought(1.0), SECONDS)

    (headers,) = server.headers
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert f"/eu-west-1/{service}/aws4_request" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert len(headers["x-amz-content-sha256"]) == 64


def test_serverless_is_asked_for_nothing_that_it_does_not_have(credentials):
    def answer(method, path, body):
        if method == "HEAD":
            return 404, {}
        if path.endswith("_search"):
            return 200, {"hits": {"hits": [] if b"search_after" in body else [hit(entry()) | {"sort": [1]}]}}
        return 200, {"items": []}

    with serving(answer) as (url, server):
        index = index_at(url, service="aoss", region="eu-west-1", method="faiss")
        index.add([entry()], NOW)
        index.search(sought(1.0), SECONDS)
        index.remove(SCOPE, ["e1"], NOW)
        index.expire(NOW)

    sent = [(method, path, body.decode()) for method, path, body in server.requests]
    asked = " ".join(path for _, path, _ in sent)
    bulks = [json.loads(body.splitlines()[0]) for _, path, body in sent if path.endswith("_bulk")]
    made = next(json.loads(body) for method, _, body in sent if method == "PUT")
    for absent in ("_refresh", "_delete_by_query", "_cluster", "_index_template", "refresh="):
        assert absent not in asked
    assert bulks[0] == {"index": {}}
    assert {"delete": {"_id": "1"}} in bulks
    assert made["settings"] == {"index": {"knn": True}}
    assert made["mappings"]["properties"]["vector"]["method"]["engine"] == "faiss"


def test_serverless_is_asked_for_twice_as_many_since_twins_are_kept(credentials):
    with serving(lambda *_: (200, NOTHING)) as (url, server):
        index_at(url, service="aoss", region="eu-west-1").search(sought(1.0, most=5), SECONDS)

    assert json.loads(server.requests[0][2])["size"] == 10


@pytest.mark.parametrize(("most", "size", "candidates"), [(1, 1, BEAM), (5, 5, BEAM), (BEAM + 9, BEAM + 9, BEAM + 9)])
def test_the_graph_is_walked_with_more_candidates_than_are_asked_for(told, most, size, candidates):
    told.index.search(sought(1.0, most=most), SECONDS)

    query = json.loads(told.server.requests[0][2])
    assert (query["size"], query["query"]["knn"]["vector"]["k"]) == (size, candidates)


def test_the_fields_for_faiss_are_those_that_the_plugin_documents():
    made = schema.mappings(Place(("http://h:1",), method="faiss"), 384)

    assert made["properties"]["vector"] == {
        "type": "knn_vector",
        "dimension": 384,
        "method": {
            "name": "hnsw",
            "engine": "faiss",
            "space_type": "innerproduct",
            "parameters": {"m": 16, "ef_construction": 128},
        },
    }
    assert made["dynamic"] == "strict"
    assert made["_source"] == {"excludes": ["vector"]}


def test_embedders_that_read_alike_have_aliases_of_their_own():
    names = [schema.alias("base", each) for each in ("a/256", "a-256", "A/256", "a/384", "ä", "")]

    assert len(set(names)) == len(names)
    assert all(name == name.lower() and name.isascii() for name in names)


@pytest.mark.parametrize(
    ("uri", "made"),
    [
        ("opensearch+http://localhost:9200", Place(("http://localhost:9200",))),
        ("opensearch+https://a,b:9201", Place(("https://a:443", "https://b:9201"))),
        (
            "opensearch+https://x.es.amazonaws.com?service=es&region=eu-west-1",
            Place(("https://x.es.amazonaws.com:443",), "es", "eu-west-1"),
        ),
        (
            "opensearch+https://x.aoss.amazonaws.com?service=aoss&region=eu-west-1",
            Place(("https://x.aoss.amazonaws.com:443",), "aoss", "eu-west-1", "faiss"),
        ),
        ("opensearch+http://h?method=faiss", Place(("http://h:80",), method="faiss")),
    ],
)
def test_a_uri_says_where_the_index_is(uri, made):
    assert place(uri) == made


@pytest.mark.parametrize(
    "uri",
    [
        "http://h/path",
        "opensearch+ftp://h",
        "opensearch+https://",
        "opensearch+https://user:password@h",
        "opensearch+https://h?service=es",
        "opensearch+https://h?region=eu-west-1",
        "opensearch+https://h?service=s3&region=eu-west-1",
        "opensearch+https://h?method=nmslib",
        "opensearch+https://h?metod=faiss",
        "opensearch+https://h/index",
    ],
)
def test_a_uri_that_means_nothing_is_refused(uri):
    with pytest.raises(Misconfigured) as fault:
        place(uri)

    assert "password@" not in str(fault.value)
