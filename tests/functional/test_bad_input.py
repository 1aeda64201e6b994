"""Whatever is sent: OpenAI's error body, a 4xx, nothing charged and nothing stored."""

import json

import pytest

from tests.functional.bad_input import CHAT, GOOD, ITEMS, ROWS, USER


@pytest.fixture(scope="module")
def key(quiet_world):
    return quiet_world.key()


@pytest.fixture(scope="module")
def own(quiet_world, key):
    return quiet_world.call("POST", "/v1/conversations", {"items": [USER]}, key=key).json["id"]


@pytest.fixture(scope="module")
def bob(quiet_world):
    return quiet_world.key("acme", "bob")


@pytest.fixture(scope="module")
def foreign(quiet_world, bob):
    return quiet_world.call("POST", "/v1/conversations", {"items": [USER]}, key=bob).json["id"]


@pytest.fixture
def unchanged(quiet_world, key, own, foreign):
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


def paths(conversation):
    root = f"/v1/conversations/{conversation}"
    return [
        ("GET", root, None),
        ("POST", root, {"metadata": {"a": "b"}}),
        ("DELETE", root, None),
        ("GET", f"{root}/items", None),
        ("POST", f"{root}/items", {"items": [USER]}),
        ("GET", f"{root}/items/msg_1", None),
        ("DELETE", f"{root}/items/msg_1", None),
        ("POST", CHAT, {**GOOD[CHAT], "conversation": conversation}),
        ("GET", f"/v1/conversations?after={conversation}", None),
    ]


@pytest.mark.parametrize("place", range(len(paths(""))))
def test_a_foreign_conversation_is_the_same_as_an_unknown_one(quiet_world, key, foreign, unchanged, place):
    unknown = "conv_" + "0" * (len(foreign) - 5)

    theirs, nobodys = (
        quiet_world.call(method, path, body, key=key)
        for method, path, body in (paths(foreign)[place], paths(unknown)[place])
    )

    assert (theirs.status, nobodys.status) == (404, 404)
    assert refused(theirs)["code"] == "not_found"
    assert theirs.body.decode().replace(foreign, "") == nobodys.body.decode().replace(unknown, "")
    varying = {"x-request-id", "date"}
    assert {k: v for k, v in theirs.headers.items() if k not in varying} == {
        k: v for k, v in nobodys.headers.items() if k not in varying
    }


def test_an_item_of_a_foreign_conversation_is_not_found(quiet_world, key, bob, own, foreign, unchanged):
    (item,) = quiet_world.call("GET", f"/v1/conversations/{foreign}/items", key=bob).json["data"]

    for conversation in (own, foreign):
        for method in ("GET", "DELETE"):
            answer = quiet_world.call(method, f"/v1/conversations/{conversation}/items/{item['id']}", key=key)
            assert (answer.status, refused(answer)["code"]) == (404, "not_found")


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
