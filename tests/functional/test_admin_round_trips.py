"""What a call of an administrator costs in DynamoDB calls, from a process that knows nothing yet.

Each reads its own key first, and costs no more for a tenant with many keys; but the erasure of a user, who loses each.
"""

import pytest

from chalicelib.domain.identity import parse_token
from tests.functional.test_authorisation import SCOPES
from tests.functional.test_round_trips import counted

HERS = {"tenant": "acme", "user": "ada"}
READ, WRITTEN, LISTED = "GetItem", "TransactWriteItems", "Query"
CALLS = {
    ("POST", "/admin/plans"): [READ, WRITTEN],
    ("GET", "/admin/plans"): [READ],
    ("GET", "/admin/plans/{name}"): [READ],
    ("DELETE", "/admin/plans/{name}"): [READ, LISTED, WRITTEN, LISTED],
    ("GET", "/admin/tenants/{tenant}"): [READ, LISTED, "BatchGetItem"],
    ("POST", "/admin/tenants/{tenant}"): [READ, READ, WRITTEN],
    ("POST", "/admin/keys"): [READ, READ, WRITTEN, READ, READ],
    ("GET", "/admin/keys"): [LISTED, "BatchGetItem"],
    ("GET", "/admin/keys/{key_id}"): [READ],
    ("POST", "/admin/keys/{key_id}/rotate"): [READ, READ, WRITTEN, READ, READ, READ, WRITTEN],
    ("DELETE", "/admin/keys/{key_id}"): [READ, WRITTEN, LISTED],
    ("GET", "/admin/usage"): [LISTED, "BatchGetItem", READ, READ, "BatchGetItem", READ],
    ("GET", "/admin/audit"): [LISTED],
    ("GET", "/admin/cache"): [READ],
    ("GET", "/admin/cache/decisions"): [LISTED],
    ("POST", "/admin/cache/purge"): [READ, WRITTEN, LISTED],
    ("GET", "/admin/users/{user}"): [READ],
}
BODIES = {
    "/admin/plans": {"name": "free", "limits": []},
    "/admin/tenants/{tenant}": {"plan": "spare"},
    "/admin/keys": HERS,
    "/admin/cache/purge": {"tenant": "acme"},
}
OF_A_TENANT = {"/admin/keys", "/admin/usage", "/admin/cache", "/admin/cache/decisions", "/admin/users/{user}"}


@pytest.fixture
def root(world):
    return world.key("ops", "root", scopes=frozenset({"admin"}))


@pytest.mark.parametrize(("method", "path"), CALLS)
def test_a_call_is_its_keys_read_and_these(world, root, method, path):
    names = {"{name}": world.plan(name="spare"), "{tenant}": "acme", "{user}": "ada"}
    names["{key_id}"] = [parse_token(world.key()).key_id for _ in range(4)][-1]
    asked = path + ("?tenant=acme" if method == "GET" and path in OF_A_TENANT else "")
    for name, value in names.items():
        asked = asked.replace(name, value)
    if path == "/admin/users/{user}":
        world.call("DELETE", asked, key=root)

    with counted(world) as calls:
        answer = world.call(method, asked, BODIES.get(path) if method == "POST" else None, key=root)

    assert answer.status == 200, answer.body
    assert calls == [READ, *CALLS[method, path]]


def test_an_erasure_takes_three_calls_for_each_key(world, root):
    taken = []
    for keys in (1, 4):
        for _ in range(keys):
            world.key(f"with-{keys}", "ada")
        with counted(world) as calls:
            assert world.call("DELETE", f"/admin/users/ada?tenant=with-{keys}", key=root).status == 200
        taken.append(len(calls))

    assert taken == [21, 21 + 3 * 3]


def test_every_route_of_the_scope_is_counted():
    assert CALLS.keys() | {("DELETE", "/admin/users/{user}")} == {
        at for at, scope in SCOPES.items() if scope == "admin"
    }
