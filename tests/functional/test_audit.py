"""The audit trail: every change through `/admin` says who, what, when and from where, and nothing that is secret."""

import json
import time

import pytest

from app import app
from chalicelib.domain.errors import StoreUnavailable
from chalicelib.domain.identity import parse_token
from chalicelib.edge.trail_wire import ACTIONS
from infra.key import make_key
from tests.builders import PEPPERS, an_event
from tests.functional.test_authorisation import SCOPES
from tests.functional.world import filled

HOOK = "https://hooks.example.com/T01/very-secret-path?token=very-secret-query"
NOTE = "Ada's laptop, do not tell"


@pytest.fixture
def root(world):
    return world.key("ops", "root", scopes=frozenset({"admin"}))


@pytest.fixture
def admin(world, root):
    """Calls with an administrator's key."""
    return lambda method, path, body=None, **options: world.call(method, path, body, key=root, **options)


@pytest.fixture
def trail(admin):
    """The events that a query asks for."""

    def asked(**query):
        text = "&".join(f"{name}={value}" for name, value in query.items())
        answer = admin("GET", f"/admin/audit?{text}")
        assert answer.status == 200, answer.body
        assert answer.headers["cache-control"] == "no-store"
        return answer.json["data"]

    return asked


def told(events):
    return [(each["action"], each["target"]) for each in events]


def made(admin, **fields):
    answer = admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "name": NOTE, **fields})
    assert answer.status == 200, answer.body
    return answer.json


def test_an_event_says_who_did_what_when_and_from_where(world, admin, root, trail):
    before = int(time.time())
    key = made(admin, scopes=["chat", "admin"])

    (event,) = trail()

    assert len(event.pop("id")) == 40
    assert before <= event.pop("created_at") <= time.time()
    assert event.pop("request_id")
    assert event == {
        "object": "audit.event",
        "action": "key.create",
        "outcome": "done",
        "target": key["id"],
        "tenant": "acme",
        "user": "ada",
        "actor": {"key": parse_token(root).key_id, "tenant": "ops", "user": "root"},
        "changes": {"plan": "standard", "scopes": ["admin", "chat"], "expires_at": None},
        "source": "127.0.0.1",
    }


def test_the_address_is_the_one_that_api_gateway_saw(world, root, trail):
    world.plan(name="spare")
    event = an_event("get_item", key=root, path="/admin/plans/spare", resource="/admin/plans/{name}")
    event |= {"httpMethod": "DELETE", "pathParameters": {"name": "spare"}}
    event["headers"]["X-Forwarded-For"] = "203.0.113.66"
    event["requestContext"] |= {
        "httpMethod": "DELETE",
        "resourcePath": "/admin/plans/{name}",
        "identity": {"sourceIp": "198.51.100.9"},
        "requestId": "r-77",
    }

    assert app(event, world.context)["statusCode"] == 200

    (seen,) = trail()
    assert (seen["action"], seen["source"], seen["request_id"]) == ("plan.delete", "198.51.100.9", "r-77")


def test_every_change_of_every_kind_is_an_event(world, admin, trail):
    admin("POST", "/admin/plans", {"name": "free", "limits": [], "concurrent": 4})
    admin("POST", "/admin/plans", {"name": "free", "limits": [], "concurrent": 8})
    admin("POST", "/admin/tenants/acme", {"plan": "free"})
    admin("POST", "/admin/tenants/acme", {"plan": None})
    admin("DELETE", "/admin/plans/free")
    admin("POST", "/admin/cache/purge", {"tenant": "acme", "user": "ada", "model": "nova-lite"})
    old = made(admin)["id"]
    new = admin("POST", f"/admin/keys/{old}/rotate", {"overlap_seconds": 60}).json["id"]
    admin("DELETE", f"/admin/keys/{old}")
    admin("DELETE", "/admin/users/ada?tenant=acme")

    events = trail()[::-1]

    assert sorted(told(events)) == sorted(
        [
            ("plan.put", "free"),
            ("plan.put", "free"),
            ("tenant.update", "acme"),
            ("tenant.update", "acme"),
            ("plan.delete", "free"),
            ("cache.purge", "acme"),
            ("key.create", old),
            ("key.rotate", new),
            ("key.expire", old),
            ("key.revoke", old),
            ("user.erase", "ada"),
            ("key.revoke", new),
        ]
    )
    by_action = {each["action"]: each for each in events}
    assert {*by_action, "attempt"} == ACTIONS.keys()
    assert [each["changes"] for each in events if each["action"] == "plan.put"][1] == {"concurrent": 8}
    assert by_action["tenant.update"]["changes"] == {"plan": None}
    assert by_action["cache.purge"]["changes"].keys() == {"model"}
    assert by_action["key.rotate"]["changes"]["in_place_of"] == old
    assert by_action["key.expire"]["changes"]["expires_at"] > time.time()
    assert {each["user"] for each in events if each["action"] in ("cache.purge", "user.erase", "key.revoke")} == {"ada"}


def test_what_changes_nothing_is_no_event(admin, trail):
    key = made(admin)["id"]
    admin("DELETE", f"/admin/keys/{key}")
    seen = told(trail())

    for method, path in SCOPES:
        if method == "GET" and path.startswith("/admin"):
            admin("GET", f"{filled(path)}?tenant=acme")
    admin("DELETE", f"/admin/keys/{key}")
    assert admin("DELETE", "/admin/plans/none").status == 404
    assert admin("POST", f"/admin/keys/{key}/rotate").status == 409
    assert admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "plan": "none"}).status == 400

    assert told(trail()) == seen


def test_a_repeated_request_is_one_event(admin, trail):
    body = {"name": "free", "limits": []}

    for _ in range(2):
        assert admin("POST", "/admin/plans", body, headers={"idempotency-key": "once"}).status == 200

    assert told(trail()) == [("plan.put", "free")]


def test_no_secret_and_no_note_is_in_the_trail(world, admin, trail):
    token = made(admin)["key"]
    secret = admin("POST", "/admin/tenants/acme", {"webhook": {"url": HOOK}}).json["webhook"]["secret"]
    new = admin("POST", "/admin/tenants/acme", {"webhook": {"url": HOOK, "rotate": True}}).json["webhook"]["secret"]
    world.chat("What is a tide?", key=token)

    rows = json.dumps([row for row in world.rows("access") if "trail" in row])

    assert len(trail()) == 3
    for hidden in (token, secret, new, "very-secret", NOTE[:5], "digest", "tide?"):
        assert hidden not in rows
    assert trail(action="tenant.update")[0]["changes"] == {
        "webhook": "hooks.example.com",
        "webhook_is_signed_anew": True,
    }


def test_a_refused_attempt_of_a_known_key_is_kept_once_a_minute(world, admin, trail, monkeypatch):
    monkeypatch.setattr("chalicelib.edge.call.time.time", lambda: 1_795_000_030.5)
    chat = world.key()
    gone = world.key("acme", "bob", scopes=frozenset({"admin"}), revoked_at=1)
    over = world.key("acme", "eve", scopes=frozenset({"admin"}), expires_at=1)
    for _ in range(3):
        world.restart()  # another process
        for key, status in ((chat, 403), (gone, 401), (over, 401)):
            for _ in range(2):
                assert world.call("POST", "/admin/keys", {"tenant": "acme", "user": "ada"}, key=key).status == status
    assert world.call("GET", "/health?deep=1", key=chat).status == 403

    events = trail(action="attempt")

    assert sorted((each["actor"]["user"], each["target"], each["outcome"]) for each in events) == [
        ("ada", "GET /health", "refused"),
        ("ada", "POST /admin/keys", "refused"),
        ("bob", "POST /admin/keys", "refused"),
        ("eve", "POST /admin/keys", "refused"),
    ]
    assert {each["created_at"] for each in events} == {1_795_000_030 // 60 * 60}


def test_a_stranger_writes_nothing(world):
    mine = world.key()
    before = world.everything()
    forged = mine[:-10] + ("a" if mine[-10] != "a" else "b") + mine[-9:]

    for method, path in SCOPES:
        for key in (None, forged, "tg_live_nonsense"):
            world.call(method, filled(path), {} if method == "POST" else None, key=key)

    assert world.everything() == before


def test_an_attempt_is_refused_where_nothing_can_be_kept(world, monkeypatch):
    def away(*_):
        raise StoreUnavailable("away")

    monkeypatch.setattr("chalicelib.adapters.dynamodb.trail.DynamoEvents.add", away)

    assert world.call("GET", "/admin/keys?tenant=acme", key=world.key()).status == 403


def test_the_newest_comes_first_and_pages_follow(admin, trail):
    for name in "abcde":
        admin("POST", "/admin/plans", {"name": name, "limits": []})

    seen, after = [], ""
    while after is not None:
        page = admin("GET", f"/admin/audit?limit=2&after={after}").json
        seen += [each["target"] for each in page["data"]]
        assert page["has_more"] == (page["next"] is not None)
        after = page["next"]

    assert seen == list("edcba")


def test_events_are_found_by_whose_and_what_and_when(admin, trail):
    made(admin)
    made(admin, user="bob")
    made(admin, tenant="evil")
    admin("POST", "/admin/plans", {"name": "free", "limits": []})
    now = int(time.time())

    assert [each["user"] for each in trail(tenant="acme")] == ["bob", "ada"]
    assert [each["user"] for each in trail(tenant="acme", user="ada")] == ["ada"]
    assert len(trail(tenant="ops", user="root")) == 4
    assert told(trail(action="plan.put")) == [("plan.put", "free")]
    assert trail(before=now - 60) == trail(since=now + 60) == []
    assert len(trail(since=now - 60, before=now + 60)) == 4


def test_an_erased_user_stays_in_the_trail(admin, trail):
    made(admin)
    admin("DELETE", "/admin/users/ada?tenant=acme")

    assert {each["action"] for each in trail(tenant="acme", user="ada")} == {"key.create", "key.revoke", "user.erase"}


def test_an_event_ends_with_its_time_alone(world, admin):
    made(admin)

    (row,) = [row for row in world.rows("access") if "trail" in row]

    assert int(row["ttl"]["N"]) // 86_400 == (int(time.time()) + 400 * 86_400) // 86_400


def test_a_key_that_a_command_makes_is_an_event_too(world, trail):
    make_key({"TENANT": "acme", "USER": "ada"}, world.keys, PEPPERS, live=True)

    (event,) = trail()

    assert (event["action"], event["source"], event["tenant"]) == ("key.create", "make key", "acme")
    assert event["actor"] == {"key": None, "tenant": None, "user": None}


@pytest.mark.parametrize("kind", ["plan", "key"])
def test_where_the_event_cannot_be_written_the_change_is_not(world, admin, monkeypatch, kind):
    """A transaction of which the second write is refused: neither is there."""
    monkeypatch.setattr("chalicelib.edge.trail_wire.turn_id", lambda *_: "0" * 32)
    path, body = {
        "plan": ("/admin/plans", {"name": "free", "limits": []}),
        "key": ("/admin/keys", {"tenant": "acme", "user": "ada"}),
    }[kind]
    monkeypatch.setattr("chalicelib.domain.trail._DIGITS", 0)
    admin("POST", "/admin/tenants/other", {"plan": "standard"})
    before = world.everything()

    answer = admin("POST", path, body)

    assert (answer.status, answer.error["code"]) == (503, "store_busy")
    assert world.everything() == before
