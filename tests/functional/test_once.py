"""`Idempotency-Key`: one effect for each key of a caller, and the same bytes for whoever asks again."""

import json

import pytest

from app import app
from chalicelib import bootstrap
from tests.functional.world import TEMPLATES, chat_body, events_of

CHAT = "/v1/chat/completions"
KEY = {"idempotency-key": "order-1"}
CONVERSATIONS = "/v1/conversations"
OF_THE_CALL = {"x-request-id", "idempotent-replayed"}
BAD_KEYS = ["", " ", "a b", "a" * 256, "é", "a\tb", "a\x7f"]


@pytest.fixture(autouse=True)
def _deadline(monkeypatch):
    """A twin waits here in earnest: were an answer not kept, each test would last as long as its patience."""
    monkeypatch.setenv("TIDEGATE_DEADLINE_SECONDS", "10")


@pytest.fixture
def key(world):
    return world.key()


@pytest.fixture
def admin(world):
    return world.key(user="root", scopes=frozenset({"chat", "admin"}))


def posted(world, key, path=CHAT, body=None, **headers):
    return world.call("POST", path, chat_body("Hi") if body is None else body, key=key, headers=KEY | headers)


def asked(world, *, tenant="acme"):
    """How many requests the ledger knows of, and how many leases there were."""
    return world.used(tenant).requests, sum(world.leases().values())


def kept(answer):
    limits = {name for name in answer.headers if name.startswith("x-ratelimit-")}
    return {name: text for name, text in answer.headers.items() if name not in OF_THE_CALL | limits}


@pytest.mark.parametrize(("method", "path"), [each for each in TEMPLATES if each[0] == "POST"])
def test_every_post_answers_a_key_once(method, path):
    assert getattr(app.routes[path][method].view_function, "answers_once", False), "put @once under @answered"


def test_a_twin_is_told_the_same_bytes_and_burns_nothing(world, key):
    body = chat_body("Hi", cache={"no-cache": True, "no-store": True}, temperature=1)
    first = posted(world, key, body=body)

    twin = posted(world, key, body=body)

    assert first.status == twin.status == 200
    assert twin.body == first.body
    assert kept(twin) == kept(first)
    assert "idempotent-replayed" not in first.headers
    assert twin.headers["idempotent-replayed"] == "true"
    assert asked(world) == (1, 1)


def test_without_a_key_each_call_is_one_of_its_own(world, key):
    body = chat_body("Hi", cache={"no-cache": True, "no-store": True})

    ids = {world.call("POST", CHAT, body, key=key).json["id"] for _ in range(2)}

    assert len(ids) == 2
    assert world.rows("jobs") == []


def test_a_stream_is_told_again_event_by_event(world, key):
    body = chat_body("Tell me of tides", stream=True, stream_options={"include_usage": True})
    first = posted(world, key, body=body)

    twin = posted(world, key, body=body)

    assert first.body.endswith(b"data: [DONE]\n\n")
    assert twin.body == first.body
    assert twin.headers["content-type"] == first.headers["content-type"] == "text/event-stream"
    assert asked(world) == (1, 1)


def test_a_stream_that_its_caller_left_is_told_as_far_as_it_went(world, key):
    event = {"body": json.dumps(chat_body("Tell me of tides", stream=True))}
    sent = world.send("post_chat", key=key, headers=headers_of(key), **event)
    head = [next(sent.body), next(sent.body)]
    sent.body.close()

    twin = world.send("post_chat", key=key, headers=headers_of(key), **event)

    *said, last = events_of([twin.body])
    assert twin.body.startswith(b"".join(head))
    assert len(said) == 2
    assert last["error"]["code"] == "idempotency_answer_cut"
    assert asked(world) == (1, 1)


def headers_of(key):
    return {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "order-1"}


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        (CHAT, chat_body("Bye"), {}),
        (CHAT, json.dumps(chat_body("Hi")) + " ", {}),
        (CHAT, chat_body("Hi"), {"cache-control": "no-cache"}),
        (CHAT, chat_body("Hi"), {"accept": "text/csv"}),
        ("/v1/embeddings", chat_body("Hi"), {}),
        (CONVERSATIONS, chat_body("Hi"), {}),
    ],
)
def test_another_request_with_the_same_key_is_refused(world, key, path, body, headers):
    posted(world, key)

    answer = posted(world, key, path, body, **headers)

    assert (answer.status, answer.error["code"]) == (422, "idempotency_key_reused")
    assert answer.error["param"] == "Idempotency-Key"
    assert asked(world) == (1, 1)


@pytest.mark.parametrize("other", [{"user": "bob"}, {"tenant": "evil"}, {}])
def test_a_key_means_nothing_to_another_caller(world, key, other):
    first = posted(world, key)

    answer = posted(world, world.key(**other), body=chat_body("Quite another question"))

    assert answer.status == 200
    assert answer.json["id"] != first.json["id"]


def test_a_key_that_is_revoked_is_told_nothing_again(world, key):
    posted(world, key)
    for stored in world.keys.list("acme", None, after=None, limit=10)[0]:
        world.keys.revoke(stored.key_id, 1)

    assert posted(world, key).status == 401


@pytest.mark.parametrize("name", BAD_KEYS)
def test_a_key_of_another_form_is_refused(world, key, name):
    answer = world.call("POST", CHAT, chat_body("Hi"), key=key, headers={"idempotency-key": name})

    assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")
    assert world.rows("jobs") == []


@pytest.mark.parametrize("name", ["!", "~" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"'])
def test_any_visible_characters_are_a_key(world, key, name):
    bodies = {world.call("POST", CHAT, chat_body("Hi"), key=key, headers={"idempotency-key": name}).body for _ in "ab"}

    assert len(bodies) == 1


def test_nobody_else_is_asked_for_a_key(world):
    assert posted(world, None).status == 401
    assert posted(world, "tg_live_x").status == 401
    assert world.rows("jobs") == []


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_the_header_says_nothing_on_other_methods(world, key, method):
    world.call(method, f"{CONVERSATIONS}/conv_1", key=key, headers=KEY)

    assert world.rows("jobs") == []


@pytest.mark.parametrize(
    "body",
    [chat_body("Hi", model="none"), chat_body("Hi", n=2), "{", chat_body("Hi", conversation="conv_none")],
)
def test_a_fault_of_the_request_is_told_again(world, key, body):
    first = posted(world, key, body=body)

    twin = posted(world, key, body=body)

    assert first.status in {400, 404}
    assert (twin.status, twin.body) == (first.status, first.body)
    assert twin.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize(("fault", "status", "charges"), [("500", 503, 0), ("garbage", 502, 2)])
def test_a_fault_that_passes_is_not_kept(world, key, fault, status, charges):
    body = chat_body(f"Hi [[fault={fault}]]")
    first = posted(world, key, body=body)

    again = posted(world, key, body=body)

    assert first.status == again.status == status
    assert "idempotent-replayed" not in again.headers
    assert world.used().requests == charges
    assert world.leases()["open"] == 0


def test_a_conversation_is_made_once(world, key):
    first = posted(world, key, CONVERSATIONS, {"metadata": {"topic": "tides"}})

    assert posted(world, key, CONVERSATIONS, {"metadata": {"topic": "tides"}}).body == first.body
    assert len(world.call("GET", CONVERSATIONS, key=key).json["data"]) == 1


def test_a_turn_of_a_conversation_is_added_once(world, key):
    conversation = world.call("POST", CONVERSATIONS, {}, key=key).json["id"]
    body = chat_body("Hi", conversation=conversation)

    answers = {posted(world, key, body=body).body for _ in range(3)}

    assert len(answers) == 1
    assert len(world.call("GET", f"{CONVERSATIONS}/{conversation}/items", key=key).json["data"]) == 2


def test_a_keys_token_is_kept_nowhere(world, admin):
    body = {"tenant": "acme", "user": "ada"}
    first = posted(world, admin, "/admin/keys", body)

    twin = posted(world, admin, "/admin/keys", body)
    rotated = world.call(
        "POST", f"/admin/keys/{first.json['id']}/rotate", "{}", key=admin, headers={"idempotency-key": "turn-1"}
    )

    assert first.status == rotated.status == 200
    assert (twin.status, twin.error["code"]) == (409, "idempotency_answer_withheld")
    assert twin.headers["x-should-retry"] == "false"
    stored = repr(world.everything())
    assert first.json["key"] not in stored
    assert rotated.json["key"] not in stored
    assert len(world.call("GET", "/admin/keys?tenant=acme&user=ada", key=admin).json["data"]) == 2


def test_a_webhooks_secret_is_kept_nowhere(world, admin):
    body = {"webhook": {"url": "https://example.com/hook"}}
    first = posted(world, admin, "/admin/tenants/acme", body)

    twin = posted(world, admin, "/admin/tenants/acme", body)

    assert first.json["webhook"]["secret"]
    assert (twin.status, twin.error["code"]) == (409, "idempotency_answer_withheld")
    assert first.json["webhook"]["secret"] not in repr(world.rows("jobs"))


def test_other_answers_to_administrators_are_told_again(world, admin):
    body = {"name": "spare", "limits": []}

    bodies = {posted(world, admin, "/admin/plans", body).body for _ in range(2)}

    assert len(bodies) == 1


def test_a_key_costs_a_read_a_claim_and_a_save(world, key):
    world.restart()
    calls = []
    client = bootstrap.services().gate.turns._database._connect()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))

    posted(world, key)
    first, calls[:] = list(calls), []
    posted(world, key)

    assert first[:2] == ["GetItem", "PutItem"]
    assert first[-1] == "UpdateItem"
    assert len(first) == 7
    assert calls == ["GetItem", "PutItem"]
