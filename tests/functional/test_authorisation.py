"""The truth table: which scope each route needs, and that no field of a body is worth more than the key."""

import pytest

from chalicelib.domain.identity import parse_token
from tests.functional.world import TEMPLATES, chat_body, filled

SCOPES = {
    ("GET", "/health"): None,
    ("GET", "/openapi.json"): None,
    ("GET", "/"): None,
    ("GET", "/usage"): None,
    ("GET", "/assets/{revision}/{name}"): None,
    ("GET", "/v1/models"): "chat",
    ("GET", "/v1/models/{model_id}"): "chat",
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/embeddings"): "chat",
    ("POST", "/v1/conversations"): "chat",
    ("GET", "/v1/conversations"): "chat",
    ("GET", "/v1/conversations/{conversation_id}"): "chat",
    ("POST", "/v1/conversations/{conversation_id}"): "chat",
    ("DELETE", "/v1/conversations/{conversation_id}"): "chat",
    ("POST", "/v1/conversations/{conversation_id}/items"): "chat",
    ("GET", "/v1/conversations/{conversation_id}/items"): "chat",
    ("GET", "/v1/conversations/{conversation_id}/items/{item_id}"): "chat",
    ("DELETE", "/v1/conversations/{conversation_id}/items/{item_id}"): "chat",
    ("GET", "/v1/jobs/{job_id}"): "chat",
    ("DELETE", "/v1/jobs/{job_id}"): "chat",
    ("POST", "/v1/responses"): "chat",
    ("GET", "/v1/responses/{response_id}"): "chat",
    ("DELETE", "/v1/responses/{response_id}"): "chat",
    ("POST", "/v1/responses/{response_id}/cancel"): "chat",
    ("GET", "/v1/responses/{response_id}/input_items"): "chat",
    ("GET", "/v1/usage"): "chat",
    ("POST", "/v1/cache/feedback"): "chat",
    ("GET", "/admin/cache"): "admin",
    ("GET", "/admin/cache/decisions"): "admin",
    ("POST", "/admin/cache/purge"): "admin",
    ("POST", "/admin/plans"): "admin",
    ("GET", "/admin/plans"): "admin",
    ("GET", "/admin/plans/{name}"): "admin",
    ("DELETE", "/admin/plans/{name}"): "admin",
    ("GET", "/admin/tenants/{tenant}"): "admin",
    ("POST", "/admin/tenants/{tenant}"): "admin",
    ("POST", "/admin/keys"): "admin",
    ("GET", "/admin/keys"): "admin",
    ("GET", "/admin/keys/{key_id}"): "admin",
    ("DELETE", "/admin/keys/{key_id}"): "admin",
    ("POST", "/admin/keys/{key_id}/rotate"): "admin",
    ("DELETE", "/admin/users/{user}"): "admin",
    ("GET", "/admin/users/{user}"): "admin",
    ("GET", "/admin/usage"): "admin",
    ("GET", "/admin/audit"): "admin",
}
BODIES = {
    "/v1/chat/completions": chat_body("Hi"),
    "/v1/embeddings": {"model": "wordllama-256", "input": "tide"},
    "/v1/conversations": {},
    "/v1/responses": {"model": "nova-lite", "input": "Hi"},
    "/v1/responses/{response_id}/cancel": {},
    "/v1/conversations/{conversation_id}": {"metadata": {}},
    "/v1/conversations/{conversation_id}/items": {"items": [{"role": "user", "content": "Hi"}]},
    "/v1/cache/feedback": {"id": "chatcmpl-1", "correct": False},
    "/admin/cache/purge": {"tenant": "acme"},
    "/admin/plans": {"name": "spare", "limits": []},
    "/admin/tenants/{tenant}": {"plan": None},
    "/admin/keys": {"tenant": "acme", "user": "ada"},
    "/admin/keys/{key_id}/rotate": {},
}
HOLDERS = {
    "nobody": None,
    "chat": frozenset({"chat"}),
    "admin": frozenset({"admin"}),
    "both": frozenset({"chat", "admin"}),
    "neither": frozenset(),
}
NEVER_ACCEPTED = (
    "id",
    "key_id",
    "key",
    "token",
    "digest",
    "pepper_version",
    "tenant_tag",
    "owner",
    "scope",
    "is_admin",
    "admin",
    "role",
    "status",
    "created_at",
    "revoked_at",
    "__proto__",
)
ELSEWHERE = ("tenant", "scopes", "expires_at", "limits", "shares_answers")
KNOWN = {
    "/v1/cache/feedback": ("id",),
    "/admin/cache/purge": ("tenant",),
    "/admin/plans": ("limits", "shares_answers"),
    "/admin/keys": ("tenant", "scopes", "expires_at"),
}


def expected(scopes, needed):
    if needed is None:
        return "admitted"
    if scopes is None:
        return "unauthorized"
    return "admitted" if needed in scopes else "forbidden"


def outcome(answer):
    return {401: "unauthorized", 403: "forbidden"}.get(answer.status, "admitted")


def test_every_route_has_a_row():
    assert sorted(SCOPES) == TEMPLATES
    assert set(BODIES) == {path for method, path in SCOPES if method == "POST"}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize(("method", "path"), SCOPES)
def test_a_route_admits_who_has_its_scope(world, method, path, holder):
    scopes = HOLDERS[holder]
    key = None if scopes is None else world.key(scopes=scopes)
    before = world.everything(but_for_trail=True)

    answer = world.call(method, filled(path), BODIES[path] if method == "POST" else None, key=key)

    assert outcome(answer) == expected(scopes, SCOPES[method, path])
    assert answer.status < 500
    if outcome(answer) != "admitted":
        assert answer.json.keys() == {"error"}
        assert world.everything(but_for_trail=True) == before


@pytest.mark.parametrize("path", BODIES)
def test_a_field_that_would_be_worth_something_is_refused(world, path):
    key = world.key(scopes=frozenset({"chat", "admin"}))
    before = world.everything()

    for field in (*NEVER_ACCEPTED, *ELSEWHERE):
        if field in KNOWN.get(path, ()):
            continue
        answer = world.call("POST", filled(path), {**BODIES[path], field: "admin"}, key=key)

        assert (answer.status, answer.error["param"]) == (400, field)
        assert answer.error["code"] == "unknown_parameter"
    assert world.everything() == before


def test_a_chat_key_cannot_make_itself_more(world):
    key = world.key()
    own = f"/admin/keys/{parse_token(key).key_id}"
    before = world.everything(but_for_trail=True)

    answers = [
        world.call("POST", "/admin/keys", {"tenant": "acme", "user": "ada", "scopes": ["admin"]}, key=key),
        world.call("POST", f"{own}/rotate", {}, key=key),
        world.call("GET", own, key=key),
        world.call("DELETE", own, key=key),
        world.call("POST", "/admin/tenants/acme", {"plan": None}, key=key),
    ]

    assert [answer.status for answer in answers] == [403] * 5
    assert world.everything(but_for_trail=True) == before
