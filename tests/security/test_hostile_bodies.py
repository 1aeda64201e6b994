"""Whatever is sent: OpenAI's error body, a 4xx, nothing charged and nothing stored.

The rows are written by hand; `bodies` makes more of them from what is good, for every route that takes a body.
"""

import json
import logging
from random import Random
from urllib.parse import quote

import pytest

from chalicelib.edge.openapi.document import OPERATIONS
from tests.functional.bad_input import CHAT, GOOD, ITEMS, ROWS, USER
from tests.functional.conftest import module_patch, quiet_world
from tests.functional.test_authorisation import BODIES
from tests.functional.world import filled
from tests.security.bodies import BOMB, KINDS, flipped

__all__ = ["module_patch", "quiet_world"]

SEED = 26
EACH = 3
FLIPS = 60
TAKING = [each for each in OPERATIONS if each.takes]
HEADERS = (
    "idempotency-key",
    "prefer",
    "accept",
    "content-type",
    "x-request-id",
    "user-agent",
    "x-tidegate-home",
    "cache-control",
)
SPLITTING = [
    "x\r\nset-cookie: a=b",
    "x\nx-injected: 1",
    "x\r\n\r\n<script>",
    "\x00",
    "\u202e",
    "\ud800",
    "é",
    "x" * 100_000,
    ", " * 10_000,
    "wait=" + "9" * 5_000,
]


@pytest.fixture(scope="module", autouse=True)
def _silence():
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def key(quiet_world):
    return quiet_world.key()


@pytest.fixture(scope="module")
def own(quiet_world, key):
    return quiet_world.call("POST", "/v1/conversations", {"items": [USER]}, key=key).json["id"]


@pytest.fixture
def unchanged(quiet_world, key, own):
    before = quiet_world.everything()
    yield
    assert quiet_world.everything() == before


def refused(answer):
    """The error of an answer that refuses as OpenAI does."""
    assert 400 <= answer.status < 500
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]
    assert answer.json.keys() == {"error"}
    error = answer.error
    assert list(error) == ["message", "type", "param", "code"]
    assert error["type"] == "invalid_request_error"
    assert 0 < len(error["message"]) < 600
    return error


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_bad_input_is_refused_and_changes_nothing(quiet_world, key, own, unchanged, row):
    answer = quiet_world.call("POST", row.path.replace("{own}", own), row.body, key=key)

    error = refused(answer)
    if row.status:
        assert answer.status == row.status
    if row.param:
        assert error["param"] is not None
        assert error["param"].startswith(row.param)
    if row.code:
        assert error["code"] == row.code


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/csv"]
)
@pytest.mark.parametrize("path", GOOD)
def test_another_media_type_is_refused(quiet_world, key, own, unchanged, path, media):
    body = json.dumps(GOOD[path])

    answer = quiet_world.call("POST", path.replace("{own}", own), body, key=key, headers={"content-type": media})

    assert refused(answer)["code"] == "unsupported_media_type"
    assert answer.status == 415


@pytest.mark.parametrize("name", ["x" * 3_000, "%00", "conv_%F0%9F%8C%8A", "..", "msg_" + "f" * 27, "' OR 1=1"])
def test_a_name_that_nothing_has_is_not_found(quiet_world, key, own, unchanged, name):
    calls = [
        ("GET", f"/v1/models/{name}"),
        ("GET", f"/v1/conversations/{name}"),
        ("DELETE", f"/v1/conversations/{name}"),
        ("GET", f"/v1/conversations/{name}/items"),
        ("GET", f"/v1/conversations/{own}/items/{name}"),
        ("DELETE", f"/v1/conversations/{own}/items/{name}"),
    ]

    answers = [quiet_world.call(method, path, key=key) for method, path in calls]

    assert [answer.status for answer in answers] == [404] * len(calls)
    for answer in answers:
        refused(answer)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=x", "limit=-1", "limit=1e1", "order=up", "limit=00000000199"]
)
@pytest.mark.parametrize("path", ["/v1/conversations", ITEMS])
def test_a_page_that_cannot_be_is_refused(quiet_world, key, own, unchanged, path, query):
    answer = quiet_world.call("GET", f"{path.replace('{own}', own)}?{query}", key=key)

    assert answer.status == 400
    assert refused(answer)["param"] == query.partition("=")[0]


@pytest.mark.parametrize("after", ["x", "conv_0", "msg_" + "0" * 27, "x" * 3_000])
def test_a_page_after_nothing_is_empty_or_not_found(quiet_world, key, own, unchanged, after):
    answers = [
        quiet_world.call("GET", f"{path.replace('{own}', own)}?after={after}", key=key)
        for path in ("/v1/conversations", ITEMS)
    ]

    assert answers[0].status == 404
    assert answers[1].status in {200, 404}
    assert {answer.error["param"] for answer in answers if answer.status == 404} == {"after"}


def test_the_last_of_two_equal_names_counts(quiet_world, key, unchanged):
    body = json.dumps(GOOD[CHAT])[:-1] + ', "model": "gpt-7"}'

    answer = quiet_world.call("POST", CHAT, body, key=key)

    assert refused(answer)["param"] == "model"


def test_a_huge_integer_inside_a_tool_is_passed_on_or_refused(quiet_world, key):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"maximum": 10**300}}}

    answer = quiet_world.call("POST", CHAT, {**GOOD[CHAT], "tools": [tool], "seed": 10**300}, key=key)

    assert answer.status in {200, 400}


def test_there_are_rows_enough():
    assert len(ROWS) >= 150
    assert {each.path for each in TAKING} == set(BODIES)


@pytest.fixture(scope="module")
def anybody(quiet_world):
    """A key that may send to every route."""
    return quiet_world.key("acme", "max", scopes=frozenset({"chat", "admin"}))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("operation", TAKING, ids=[each.line for each in TAKING])
def test_no_route_takes_a_body_that_is_no_good(quiet_world, anybody, operation, kind):
    random, path = Random(f"{SEED} {operation.line} {kind.__name__}"), operation.path
    before = quiet_world.everything()

    for _ in range(EACH):
        answer = quiet_world.call("POST", filled(path), kind(random, BODIES[path]), key=anybody)
        refused(answer)
        assert answer.status in {400, 413}

    assert quiet_world.everything() == before


@pytest.mark.parametrize("operation", TAKING, ids=[each.line for each in TAKING])
def test_no_byte_that_changed_is_a_fault_of_ours(quiet_world, anybody, operation):
    random, path = Random(f"{SEED} {operation.line}"), operation.path

    for _ in range(FLIPS):
        body = flipped(random, BODIES[path])
        answer = quiet_world.call("POST", filled(path), body, key=anybody)
        assert answer.status < 500, (body, answer.body)


def test_no_body_is_unpacked(quiet_world, anybody, unchanged):
    """What is packed is no JSON; nobody unpacks it, whatever its sender calls it."""
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x" * 5_000):
        headers = {"content-encoding": coding}
        answer = quiet_world.call("POST", CHAT, BOMB, key=anybody, headers=headers)

        assert refused(answer)["code"] == "invalid_json"


@pytest.mark.parametrize("value", SPLITTING, ids=map(str, range(len(SPLITTING))))
@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("path", [CHAT, "/admin/plans"])
def test_no_header_makes_another(quiet_world, anybody, path, name, value):
    answer = quiet_world.call("POST", path, BODIES[path], key=anybody, headers={name: value})

    assert answer.status < 500, answer.body
    assert not {"set-cookie", "x-injected"} & set(answer.headers)
    assert [text for text in answer.headers.values() if {"\r", "\n", "\x00"} & set(text)] == []


@pytest.mark.parametrize("value", SPLITTING, ids=map(str, range(len(SPLITTING))))
def test_no_name_in_a_path_or_a_query_makes_a_header(quiet_world, anybody, value):
    text = quote(value.encode(errors="surrogatepass")[:3_000], safe="")
    paths = [
        f"/v1/models/{text}",
        f"/v1/conversations?after={text}",
        f"/admin/keys?tenant={text}",
        f"/health?deep={text}",
    ]

    for answer in (quiet_world.call("GET", path, key=anybody) for path in paths):
        assert answer.status < 500
        assert not {"set-cookie", "x-injected"} & set(answer.headers)
        assert [told for told in answer.headers.values() if {"\r", "\n", "\x00"} & set(told)] == []


@pytest.mark.parametrize("said", ["\x00", "\u202e", "\ufeff", "a\r\nb", "\u200b", "\U000e0041", "🌊" * 100], ids=ascii)
def test_what_is_said_may_have_any_character(quiet_world, anybody, said):
    answer = quiet_world.call("POST", CHAT, {**GOOD[CHAT], "messages": [{**USER, "content": said}]}, key=anybody)

    assert answer.status == 200
