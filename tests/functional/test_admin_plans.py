"""Plans, and tenants with a plan of their own."""

import time

import pytest

from chalicelib import bootstrap
from chalicelib.domain.budget import Limit, Plan

DAY = {"subject": "key", "window": "day", "requests": 2}


@pytest.fixture
def admin(world):
    key = world.key("ops", "root", scopes=frozenset({"admin"}))
    return lambda method, path, body=None: world.call(method, path, body, key=key)


def test_a_plan_is_made_shown_and_listed(world, admin):
    body = {
        "name": "free",
        "limits": [DAY, {"subject": "tenant", "window": "month", "tokens": 10**15, "usd_micros": 5}],
        "concurrent": 3,
        "models": ["nova-lite"],
        "shares_answers": True,
    }

    made = admin("POST", "/admin/plans", body)

    assert made.status == 200
    assert made.json["limits"][0] == {**DAY, "tokens": None, "usd_micros": None}
    assert admin("GET", "/admin/plans/free").json == made.json
    assert [plan["name"] for plan in admin("GET", "/admin/plans").json["data"]] == ["free", "standard"]
    limits = (Limit("key", "day", requests=2), Limit("tenant", "month", tokens=10**15, usd_micros=5))
    assert world.keys.plans()["free"] == Plan("free", limits, 3, ("nova-lite",), shares_answers=True)


def test_a_plan_is_replaced_whole(admin):
    admin("POST", "/admin/plans", {"name": "free", "limits": [DAY], "concurrent": 3, "shares_answers": True})

    admin("POST", "/admin/plans", {"name": "free", "limits": []})

    shown = admin("GET", "/admin/plans/free").json
    assert (shown["limits"], shown["concurrent"], shown["models"], shown["shares_answers"]) == ([], None, None, False)


def test_a_plan_is_in_force_for_its_keys(world, admin):
    admin("POST", "/admin/plans", {"name": "free", "limits": [DAY], "models": ["nova-lite"]})
    key = admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "plan": "free"}).json["key"]

    statuses = [world.chat(f"Question {number}", key=key).status for number in range(3)]

    assert statuses == [200, 200, 429]
    assert [model["id"] for model in world.call("GET", "/v1/models", key=key).json["data"]] == ["nova-lite"]


def test_an_alias_becomes_the_models_id(admin):
    catalogue = bootstrap.services().gate.catalogue
    alias, model = next((model.aliases[0], model.id) for model in catalogue.allowed(None) if model.aliases)

    made = admin("POST", "/admin/plans", {"name": "free", "limits": [], "models": [alias, model]})

    assert made.json["models"] == [model]


def test_a_plan_that_nobody_has_is_deleted(admin):
    admin("POST", "/admin/plans", {"name": "free", "limits": []})

    answer = admin("DELETE", "/admin/plans/free")

    assert (answer.status, answer.json) == (200, {"name": "free", "object": "plan.deleted", "deleted": True})
    assert admin("GET", "/admin/plans/free").status == 404
    assert admin("DELETE", "/admin/plans/free").status == 404


def test_a_plan_stays_while_a_key_has_it(world, admin):
    admin("POST", "/admin/plans", {"name": "free", "limits": []})
    made = admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "plan": "free"}).json
    before = world.everything()

    refused = admin("DELETE", "/admin/plans/free")

    assert (refused.status, refused.error["type"]) == (409, "conflict_error")
    assert world.everything() == before
    admin("DELETE", f"/admin/keys/{made['id']}")
    assert admin("DELETE", "/admin/plans/free").status == 200


def test_a_plan_is_free_once_its_key_has_expired(world, admin):
    world.plan(name="free")
    world.key(plan="free", expires_at=int(time.time()) - 1)

    assert admin("DELETE", "/admin/plans/free").status == 200


def test_a_plan_stays_while_a_tenant_has_it(admin):
    admin("POST", "/admin/plans", {"name": "free", "limits": []})
    admin("POST", "/admin/tenants/acme", {"plan": "free"})

    assert admin("DELETE", "/admin/plans/free").status == 409
    admin("POST", "/admin/tenants/acme", {"plan": None})
    assert admin("DELETE", "/admin/plans/free").status == 200


def test_there_are_only_so_many_plans(world, admin):
    for number in range(99):
        world.plan(name=f"p{number}")
    before = world.everything()

    refused = admin("POST", "/admin/plans", {"name": "one-more", "limits": []})

    assert (refused.status, refused.error["code"]) == (409, "conflict")
    assert world.everything() == before
    assert admin("POST", "/admin/plans", {"name": "p7", "limits": []}).status == 200


def test_a_tenant_is_known_by_its_plan_or_its_keys(world, admin):
    world.key("beta", "ada")

    assert admin("GET", "/admin/tenants/acme").status == 404
    assert admin("GET", "/admin/tenants/beta").json == {
        "tenant": "beta",
        "object": "tenant",
        "plan": None,
        "webhook": None,
    }
    assert admin("POST", "/admin/tenants/acme", {"plan": "standard"}).status == 200
    assert admin("GET", "/admin/tenants/acme").json["plan"] == "standard"


@pytest.mark.parametrize("name", ["x", "x" * 3_000, "%00", "⛵", "plan.standard", "' OR 1=1"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_plan_is_not_found(world, admin, method, name):
    before = world.everything()

    answer = admin(method, f"/admin/plans/{name}")

    assert (answer.status, answer.error["code"]) == (404, "not_found")
    assert world.everything() == before
