"""The same contract through a stand-in for Serverless: a real engine behind what Serverless refuses."""

import json
import urllib.error
import urllib.request

import pytest

from chalicelib.adapters.vectors.opensearch_engine import Engine, Place
from tests.contract import test_vectors
from tests.opensearch.conftest import Indexes
from tests.upstreams.opensearch_server import serving

ABSENT = (
    "_refresh",
    "_delete_by_query",
    "_update_by_query",
    "_cluster",
    "_nodes",
    "_index_template",
    "_mget",
    "refresh=",
)
REFUSED = 400, {"error": {"type": "illegal_argument_exception", "reason": "not supported"}, "status": 400}

globals().update({name: each for name, each in vars(test_vectors).items() if name.startswith("test_")})


def refused(path, body):
    """What Serverless has no such thing for; ids are its own."""
    if any(word in path for word in ABSENT):
        return True
    if not path.endswith("/_bulk"):
        return False
    actions = (json.loads(line) for line in body.splitlines())
    return any({"_id", "version"} & set(action.get("index", {})) for action in actions if len(action) == 1)


def forwarded(url, method, path, body):
    request = urllib.request.Request(url + path, data=body or None, method=method)
    request.add_header("content-type", "application/x-ndjson" if path.endswith("_bulk") else "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as fault:
        return fault.code, fault.read()


@pytest.fixture
def indexes(cluster, engine, base, clock, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)

    def answer(method, path, body):
        return REFUSED if refused(path, body) else forwarded(cluster.urls[0], method, path, body)

    with serving(answer) as (url, _):
        made = Indexes(Engine(Place((url,), "aoss", "eu-west-1"), clock=clock), base, clock)
        made.settle = lambda: engine.call("POST", f"/{base}-*/_refresh", seconds=30)
        yield made
    engine.call("DELETE", f"/{base}-*", seconds=30)
