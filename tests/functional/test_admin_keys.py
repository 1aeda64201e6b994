"""API keys from their making to their end, as an administrator sees them."""

import json
import time

import pytest

from chalicelib.domain.identity import parse_token

SHOWN = {
    "id",
    "object",
    "tenant",
    "user",
    "plan",
    "scopes",
    "name",
    "status",
    "created_at",
    "expires_at",
    "revoked_at",
}


@pytest.fixture
def admin(world):
    """Calls with an administrator's key."""
    key = world.key("ops", "root", scopes=frozenset({"admin"}))
    return lambda method, path, body=None, **options: world.call(method, path, body, key=key, **options)


def make(admin, user="ada", tenant="acme", **fields):
    answer = admin("POST", "/admin/keys", {"tenant": tenant, "user": user, **fields})
    assert answer.status == 200, answer.body
    return answer.json


def test_a_new_key_works_and_is_shown_once(world, admin):
    until = int(time.time()) + 600

    made = make(admin, scopes=["chat", "admin"], name="CI ☃", expires_at=until, plan="standard")

    assert made.keys() == SHOWN | {"key"}
    assert parse_token(made["key"]).key_id == made["id"]
    assert (made["status"], made["expires_at"], made["scopes"]) == ("active", until, ["admin", "chat"])
    assert world.chat("Hi", key=made["key"]).status == 200
    for path in (f"/admin/keys/{made['id']}", "/admin/keys?tenant=acme"):
        answer = admin("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert made["key"] not in answer.body.decode()


def test_a_key_begins_with_the_defaults(admin):
    made = make(admin)

    assert (made["plan"], made["scopes"], made["name"]) == ("standard", ["chat"], "")
    assert (made["expires_at"], made["revoked_at"]) == (None, None)
    assert made["key"].startswith("tg_live_")


def test_null_is_the_same_as_leaving_a_field_out(admin):
    made = make(admin, plan=None, scopes=None, name=None, expires_at=None)

    assert (made["plan"], made["scopes"], made["name"], made["expires_at"]) == ("standard", ["chat"], "", None)


def test_no_answer_holds_a_digest_or_the_pepper(world, admin):
    made = make(admin)
    digests = [json.loads(row["body"]["S"])["digest"] for row in world.rows("access") if "tenant_tag" in row]

    answers = [
        admin("GET", f"/admin/keys/{made['id']}"),
        admin("GET", "/admin/keys?tenant=acme"),
        admin("GET", "/admin/usage?tenant=acme"),
        admin("POST", f"/admin/keys/{made['id']}/rotate"),
        admin("DELETE", f"/admin/keys/{made['id']}"),
    ]

    for answer in answers:
        text = answer.body.decode()
        assert answer.status == 200
        assert "digest" not in text
        assert "pepper" not in text
        assert not [digest for digest in digests if digest in text]


def test_the_token_is_nowhere_in_the_database(world, admin):
    made = make(admin)
    secret = made["key"].rpartition("_")[2]

    assert secret[:32] not in repr(world.everything())


def test_a_revoked_key_is_refused_by_the_next_call(world, admin):
    made = make(admin)
    assert world.chat("Hi", key=made["key"]).status == 200

    first, second = (admin("DELETE", f"/admin/keys/{made['id']}") for _ in range(2))

    assert (first.status, first.json["status"]) == (200, "revoked")
    assert second.body == first.body
    assert world.chat("Hi", key=made["key"]).status == 401
    assert world.call("GET", "/v1/conversations", key=made["key"]).status == 401


@pytest.mark.parametrize(("body", "overlap"), [(None, 3_600), ({}, 3_600), ({"overlap_seconds": 60}, 60)])
def test_a_rotated_key_works_beside_the_new_one_for_a_while(world, admin, body, overlap):
    old = make(admin, scopes=["chat", "admin"], name="CI")

    new = admin("POST", f"/admin/keys/{old['id']}/rotate", body).json

    assert new["key"] != old["key"]
    assert {name: new[name] for name in ("tenant", "user", "plan", "scopes", "name", "expires_at")} == {
        name: old[name] for name in ("tenant", "user", "plan", "scopes", "name", "expires_at")
    }
    until = admin("GET", f"/admin/keys/{old['id']}").json["expires_at"]
    assert overlap - 5 <= until - time.time() <= overlap
    assert [world.chat("Hi", key=each["key"]).status for each in (old, new)] == [200, 200]


def test_a_key_that_is_rotated_without_overlap_ends_at_once(world, admin):
    old = make(admin)

    new = admin("POST", f"/admin/keys/{old['id']}/rotate", {"overlap_seconds": 0}).json

    assert [world.chat("Hi", key=each["key"]).status for each in (old, new)] == [401, 200]
    assert admin("GET", f"/admin/keys/{old['id']}").json["status"] == "expired"


def test_no_overlap_is_longer_than_the_key_would_have_lived(admin):
    until = int(time.time()) + 60
    old = make(admin, expires_at=until)

    new = admin("POST", f"/admin/keys/{old['id']}/rotate", {"overlap_seconds": 86_400}).json

    assert new["expires_at"] == until
    assert admin("GET", f"/admin/keys/{old['id']}").json["expires_at"] == until


def test_a_key_that_has_ended_is_not_rotated(world, admin):
    old = make(admin)
    admin("DELETE", f"/admin/keys/{old['id']}")
    before = world.everything()

    answer = admin("POST", f"/admin/keys/{old['id']}/rotate")

    assert (answer.status, answer.error["code"]) == (409, "conflict")
    assert world.everything() == before


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("DELETE", ""), ("POST", "/rotate")])
@pytest.mark.parametrize("key_id", ["a" * 40, "x", "x" * 3_000, "%00", "plans", "⛵", "' OR 1=1"])
def test_an_unknown_key_is_not_found(world, admin, method, path, key_id):
    before = world.everything()

    answer = admin(method, f"/admin/keys/{key_id}{path}")

    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert world.everything() == before


def pages(admin, query, limit):
    """The ids of every page."""
    found, after = [], ""
    while after is not None:
        answer = admin("GET", f"/admin/keys?{query}&limit={limit}" + (f"&after={after}" if after else ""))
        assert answer.status == 200, answer.body
        assert answer.json["has_more"] == (answer.json["next"] is not None)
        found.append([key["id"] for key in answer.json["data"]])
        after = answer.json["next"]
    return found


def test_keys_are_listed_page_by_page_each_once(admin):
    made = sorted(make(admin, user)["id"] for user in ("ada", "bob", "cleo") for _ in range(3))
    make(admin, tenant="evil")

    found = pages(admin, "tenant=acme", 4)

    assert [len(page) for page in found] == [4, 4, 1]
    assert [each for page in found for each in page] == made


def test_a_users_keys_are_listed_alone(admin):
    mine = sorted(make(admin, "bob")["id"] for _ in range(3))
    make(admin, "ada")

    assert pages(admin, "tenant=acme&user=bob", 2) == [mine[:2], mine[2:]]


def test_an_unknown_tenant_has_no_keys(admin):
    assert admin("GET", "/admin/keys?tenant=nobody").json == {
        "object": "list",
        "data": [],
        "has_more": False,
        "next": None,
    }
