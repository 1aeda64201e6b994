"""What goes over the wire, and what is made of answers: beside botocore's client, on the same wire."""

import json
import string
from datetime import UTC, datetime, timedelta
from zlib import crc32

import botocore.endpoint
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.adapters.dynamodb import reach
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.dynamodb.direct import OPERATIONS
from chalicelib.adapters.dynamodb.table import tables
from chalicelib.domain.errors import Misconfigured

GET = {"TableName": "t", "Key": {"pk": {"S": "a"}}}
UNSENT = {"amz-sdk-invocation-id", "amz-sdk-request"}  # what botocore tells of itself
OF_THE_MOMENT = {"x-amz-date", "authorization"}
ENVIRONMENT = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "PROFILE", "REGION", "ENDPOINT_URL")

names = st.text(string.ascii_letters + "äß€", min_size=1, max_size=6)
values = st.recursive(
    st.builds(lambda text: {"S": text}, st.text(max_size=8))
    | st.builds(lambda number: {"N": str(number)}, st.integers())
    | st.builds(lambda data: {"B": data}, st.binary(max_size=20))
    | st.builds(lambda data: {"BS": data}, st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=3))
    | st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=4), min_size=1, max_size=3))
    | st.builds(lambda flag: {"BOOL": flag}, st.booleans())
    | st.just({"NULL": True}),
    lambda inner: (
        st.builds(lambda each: {"L": each}, st.lists(inner, max_size=3))
        | st.builds(lambda each: {"M": each}, st.dictionaries(names, inner, max_size=3))
    ),
    max_leaves=6,
)
items = st.dictionaries(names, values, max_size=4)
left_over = st.builds(lambda keys: {"Keys": keys, "ConsistentRead": True}, st.lists(items, min_size=1, max_size=2))
puts = st.builds(lambda item: {"PutRequest": {"Item": item}}, items)
pairs = {
    "get_item": (st.builds(lambda key: {**GET, "Key": key}, items), st.builds(lambda item: {"Item": item}, items)),
    "put_item": (st.builds(lambda item: {"TableName": "t", "Item": item}, items), st.just({})),
    "delete_item": (st.just(GET), st.builds(lambda item: {"Attributes": item}, items)),
    "update_item": (
        st.builds(lambda item: {**GET, "UpdateExpression": "SET a = :a", "ExpressionAttributeValues": item}, items),
        st.builds(lambda item: {"Attributes": item}, items),
    ),
    "query": (
        st.builds(lambda start: {"TableName": "t", "Limit": 9, "ExclusiveStartKey": start}, items),
        st.builds(
            lambda found, last: {"Items": found, "Count": 1, "ScannedCount": 2, "LastEvaluatedKey": last},
            st.lists(items, max_size=3),
            items,
        ),
    ),
    "batch_get_item": (
        st.builds(lambda each: {"RequestItems": {"t": each}}, left_over),
        st.builds(
            lambda found, left: {"Responses": {"t": found}, "UnprocessedKeys": {"t": left}},
            st.lists(items, max_size=3),
            left_over,
        ),
    ),
    "batch_write_item": (
        st.builds(lambda each: {"RequestItems": {"t": [each]}}, puts),
        st.builds(lambda each: {"UnprocessedItems": {"t": [each, {"DeleteRequest": {"Key": {}}}]}}, puts),
    ),
    "transact_write_items": (
        st.builds(
            lambda item: {"TransactItems": [{"Put": {"TableName": "t", "Item": item}}], "ClientRequestToken": "once"},
            items,
        ),
        st.just({"ConsumedCapacity": [{"TableName": "t", "CapacityUnits": 2.0}]}),
    ),
}


class Raw:
    """A body as urllib3 has it."""

    def __init__(self, body):
        self.body = body

    def stream(self):
        yield self.body


class Wire:
    """Notes every request; answers come in turn, the last one ever after. An error is raised."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.requests = []

    def send(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, headers, body = answer
        return AWSResponse(request.url, status, headers, Raw(body))


def said(content, status=200, **headers):
    body = content if isinstance(content, bytes) else json.dumps(content, default=as_base64).encode()
    return status, {"x-amzn-RequestId": "r-1", "x-amz-crc32": str(crc32(body)), **headers}, body


def as_base64(data):
    return __import__("base64").b64encode(data).decode()


def by_botocore(wire, **fields):
    database = Database(tables("t"), pause=lambda _: None, **fields)
    database._connect()._endpoint.http_session = wire
    return database


def directly(wire, **fields):
    database = Database(tables("t"), pause=lambda _: None, direct=True, **fields)
    database._reach().http = wire
    return database


@pytest.fixture(scope="module", autouse=True)
def environment():
    with pytest.MonkeyPatch.context() as patch:
        for name in ENVIRONMENT:
            patch.delenv(f"AWS_{name}", raising=False)
        for name, value in {
            "ACCESS_KEY_ID": "AKID",
            "SECRET_ACCESS_KEY": "s3cret",
            "DEFAULT_REGION": "eu-west-1",
        }.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setattr(botocore.endpoint.time, "sleep", lambda _: None)
        yield


@pytest.fixture(scope="module")
def both():
    """Both ways, made once: each call has wires of its own."""
    ways = by_botocore(Wire()), directly(Wire())

    def rewired(*answers):
        wires = Wire(*answers), Wire(*answers)
        ways[0]._connect()._endpoint.http_session = wires[0]
        ways[1]._reach().http = wires[1]
        if ways[1]._client is not None:
            ways[1]._client._endpoint.http_session = wires[1]
        return list(zip(ways, wires, strict=True))

    return rewired


def outcome(database, operation, request):
    """What came of a call, without what botocore adds to a success."""
    try:
        reply = database._send(operation, request)
    except ClientError as fault:
        return type(fault).__mro__[-4:], fault.operation_name, fault.response, str(fault)
    except BotoCoreError as fault:
        return type(fault), str(fault)
    return {name: each for name, each in reply.items() if name != "ResponseMetadata"}


def headers_of(request):
    return {
        name.lower(): text if isinstance(text, str) else text.decode()
        for name, text in request.headers.items()
        if name.lower() not in UNSENT
    }


@pytest.mark.parametrize("operation", OPERATIONS)
@given(data=st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_requests_and_replies_are_botocore_s(both, operation, data):
    request, reply = (data.draw(each) for each in pairs[operation])

    (theirs, their_wire), (ours, our_wire) = both(said(reply))
    assert outcome(ours, operation, request) == outcome(theirs, operation, request)

    (their_request,), (our_request,) = their_wire.requests, our_wire.requests
    assert json.loads(our_request.body) == json.loads(their_request.body)
    assert (our_request.method, f"{our_request.url}/") == (their_request.method, their_request.url)
    mine, bot = headers_of(our_request), headers_of(their_request)
    bot.pop("content-length")  # the connection adds it
    bot["user-agent"] = bot["user-agent"].partition(" ")[0]  # Powertools, once imported, adds its name
    assert {name for name in bot if name not in mine} == set()
    assert {name: text for name, text in mine.items() if name not in OF_THE_MOMENT} == {
        name: text for name, text in bot.items() if name not in OF_THE_MOMENT
    }


NO = {"__type": "com.amazonaws.dynamodb.v20120810#ThrottlingException", "message": "no"}
UNMET = {
    "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
    "message": "The conditional request failed",
    "Item": {"pk": {"S": "a"}, "body": {"B": "AAAA"}},
}
CANCELLED = {
    "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message": "Transaction cancelled",
    "CancellationReasons": [
        {"Code": "None"},
        {"Code": "ConditionalCheckFailed", "Message": "no", "Item": {"b": {"B": "AAAA"}}},
    ],
}
FAULTS = {
    "unmet": [said(UNMET, 400)],
    "unmet, without an item": [said({key: UNMET[key] for key in ("__type", "message")}, 400)],
    "cancelled": [said(CANCELLED, 400)],
    "cancelled, with nulls": [said({**CANCELLED, "CancellationReasons": [{"Code": "None", "Item": None}]}, 400)],
    "conflict": [said({"__type": "x#TransactionConflictException", "message": "busy"}, 400)],
    "validation": [said({"__type": "com.amazon.coral.validate#ValidationException", "message": "what"}, 400)],
    "throttled once": [said(NO, 400), said({})],
    "throttled": [said(NO, 400)],
    "expired": [said({"__type": "com.amazon.coral.service#ExpiredTokenException", "message": "old"}, 400)],
    "skewed": [said({"__type": "x#InvalidSignatureException", "message": "Signature not yet current"}, 400)],
    "500 once": [said({"__type": "x#InternalServerError", "message": "!"}, 500), said({})],
    "500": [said({"__type": "x#InternalServerError", "message": "!"}, 500)],
    "503 of a proxy": [said(b"<html>Service Unavailable</html>", 503)],
    "502, empty": [said(b"", 502)],
    "400, empty": [said(b"", 400)],
    "400, no type": [said({"message": "?"}, 400)],
    "redirect": [said(b"", 301, location="http://elsewhere/")],
    "temporary redirect": [said({"__type": "x#Moved"}, 307, location="http://elsewhere/")],
    "wrong checksum once": [(200, {"x-amz-crc32": "1"}, b'{"Item": {}}'), said({"Item": {"pk": {"S": "a"}}})],
    "wrong checksum": [(200, {"x-amz-crc32": "1"}, b'{"Item": {}}')],
    "wrong checksum of a refusal": [(400, {"x-amz-crc32": "1"}, json.dumps(UNMET).encode()), said({})],
    "no checksum": [(200, {}, b"{}")],
    "no JSON": [(200, {}, b"<html>")],
    "half of JSON": [(200, {}, b'{"Item": {"pk"')],
    "empty": [(200, {}, b"")],
    "another shape": [(200, {}, b'{"Count": "many", "Item": {}}')],
    "what is new in the API": [(200, {}, b'{"New": {"a": 1}}')],
    "too slow once": [ReadTimeoutError(endpoint_url="there"), said({})],
    "too slow": [ReadTimeoutError(endpoint_url="there")],
}


@pytest.mark.parametrize("operation", ["get_item", "transact_write_items"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_means_what_it_means_to_botocore_and_is_tried_again_as_often(both, fault, operation):
    request = GET if operation == "get_item" else {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}]}
    (theirs, their_wire), (ours, our_wire) = both(*FAULTS[fault])

    assert outcome(ours, operation, request) == outcome(theirs, operation, request)
    assert len(our_wire.requests) == len(their_wire.requests)
    bodies = [json.loads(each.body) for each in our_wire.requests]
    assert all(body == bodies[0] for body in bodies)  # one token for all attempts
    assert ("ClientRequestToken" in bodies[0]) == (operation == "transact_write_items")


def test_who_fails_too_often_tries_no_more_until_enough_succeeds(both):
    def attempts(way, wire, *answers):
        wire.answers, before = list(answers), len(wire.requests)
        outcome(way, "get_item", GET)
        return len(wire.requests) - before

    seen = []
    for way, wire in (by_botocore(first := Wire()), first), (directly(second := Wire()), second):
        failing = [attempts(way, wire, said({}, 500)) for _ in range(60)]
        for _ in range(10):
            attempts(way, wire, said({}))
        seen.append((failing, attempts(way, wire, said({}, 500))))

    assert seen[0] == seen[1]
    assert seen[1][0][0] == 3
    assert seen[1][0][-1] == 1
    assert seen[1][1] == 3


PLACES = {
    "a Region": {},
    "of China": {"AWS_DEFAULT_REGION": "cn-north-1"},
    "of the government": {"AWS_DEFAULT_REGION": "us-gov-west-1"},
    "apart": {"AWS_DEFAULT_REGION": "us-iso-east-1"},
    "not known yet": {"AWS_DEFAULT_REGION": "eu-west-99"},
    "local": {"AWS_DEFAULT_REGION": "local"},
    "FIPS": {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "true"},
    "dual stack": {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "both": {"AWS_DEFAULT_REGION": "us-east-1", "AWS_USE_FIPS_ENDPOINT": "1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    "an emulator": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"},
    "an emulator, of FIPS": {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566/", "AWS_USE_FIPS_ENDPOINT": "true"},
    "its own": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2/path"},
    "ignored": {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
    "by a file": {"AWS_CONFIG_FILE": "config", "AWS_PROFILE": "lab"},
}
FILE = """[profile lab]
region = ap-south-1
services = here
[services here]
dynamodb =
  endpoint_url = https://there:8443
"""


@pytest.mark.parametrize("place", PLACES)
def test_it_goes_where_botocore_goes(monkeypatch, tmp_path, place):
    (tmp_path / "config").write_text(FILE)
    monkeypatch.chdir(tmp_path)
    for name, value in PLACES[place].items():
        monkeypatch.setenv(name, value)
    if "AWS_PROFILE" in PLACES[place]:
        monkeypatch.delenv("AWS_DEFAULT_REGION")
    wires = Wire(said({})), Wire(said({}))

    by_botocore(wires[0])._send("get_item", GET)
    directly(wires[1])._send("get_item", GET)

    (theirs,), (ours,) = (wire.requests for wire in wires)
    assert ours.url.rstrip("/") == theirs.url.rstrip("/")
    assert scope_of(ours) == scope_of(theirs)


def scope_of(request):
    return headers_of(request)["authorization"].split("/")[2:4]


WAYS = {
    "plain": {},
    "certificates": {"AWS_CA_BUNDLE": "/a/bundle.pem"},
    "certificates of others": {"REQUESTS_CA_BUNDLE": "/b/bundle.pem"},
    "a proxy": {"HTTPS_PROXY": "http://proxy:3128"},
    "a proxy for others": {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "amazonaws.com"},
}


@pytest.mark.parametrize("way", WAYS)
def test_its_connections_are_botocore_s(monkeypatch, way):
    for name, value in WAYS[way].items():
        monkeypatch.setenv(name, value)
    theirs = Database(tables("t"), pause=lambda _: None)._connect()._endpoint.http_session
    ours = Database(tables("t"), pause=lambda _: None, direct=True)._reach().http

    seen = [
        (
            each._verify,
            each._proxy_config._proxies,
            str(each._timeout),
            each._max_pool_connections,
            each._socket_options,
        )
        for each in (ours, theirs)
    ]
    assert seen[0] == seen[1]


def test_temporary_credentials_are_renewed():
    tokens = iter(["first", "second", "third"])
    far, near = (datetime.now(UTC) + timedelta(seconds=each) for each in (3600, 1))

    def renewed():
        token = next(tokens)
        until = near if token == "first" else far
        return {"access_key": "a", "secret_key": f"s-{token}", "token": token, "expiry_time": until.isoformat()}

    database = directly(wire := Wire(said({})))
    credentials = RefreshableCredentials.create_from_metadata(renewed(), renewed, "test")
    database._session._credentials = credentials

    for _ in range(2):
        database.call("get_item", GET)

    assert [headers_of(each)["x-amz-security-token"] for each in wire.requests] == ["second", "second"]


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"])
@pytest.mark.parametrize("direct", [False, True])
def test_who_has_no_credentials_or_no_region_is_told_so(monkeypatch, direct, missing):
    monkeypatch.delenv(missing)
    if missing == "AWS_ACCESS_KEY_ID":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        monkeypatch.setattr(botocore.session.Session, "get_credentials", lambda _: None)

    with pytest.raises(Misconfigured):
        Database(tables("t"), pause=lambda _: None, direct=direct).call("get_item", GET)


def test_nothing_is_asked_or_loaded_before_the_first_call(monkeypatch):
    monkeypatch.setattr(reach, "place", None)

    Database(tables("t"), pause=lambda _: None, direct=True)
