"""A user who is erased leaves nothing behind, whatever was under way: no row holds their words, and none comes back."""

import dataclasses
import json
import os
import random
import zlib

import msgspec
import pytest

from app import sweep_leases
from chalicelib import bootstrap, settings
from chalicelib.adapters.dynamodb.conversations import DynamoConversations
from chalicelib.bootstrap import sockets
from chalicelib.domain.erasure import LONGEST_CALL_SECONDS, Erasure, Found, advanced, owner_of
from chalicelib.domain.identity import parse_token
from chalicelib.domain.jobs import Message, Page
from chalicelib.domain.receipts import Told
from chalicelib.domain.sockets import Connection
from tests.builders import CONTEXT, an_event
from tests.functional.conftest import opened
from tests.functional.rights import acting
from tests.functional.world import chat_body
from tests.unit.pipeline.stage import Exchange

WORD, OTHERS = "Quxcanaria", "Zytneighbour"
ERASE = "/admin/users/ada?tenant=acme"
LATER = {"prefer": "respond-async"}


@pytest.fixture
def world(monkeypatch):
    for made in opened(monkeypatch):
        yield made.serving_by_meaning(monkeypatch)


@pytest.fixture
def admin(world):
    key = world.key("ops", "root", scopes=frozenset({"admin"}))
    return lambda method, path, body=None: world.call(method, path, body, key=key)


@pytest.fixture
def key(world):
    return world.key()


def asked(word, text="How do I boil an egg in {}?"):
    return text.format(word)


def live(world, key, word):
    """Leave traces in every store; the ids of what can be read."""
    body = chat_body(asked(word))
    made = world.call("POST", "/v1/conversations", {"metadata": {"about": word}}, key=key).json["id"]
    world.chat(asked(word, "Hello from {}"), key=key, conversation=made)
    world.chat(asked(word), key=key)
    world.call("POST", "/v1/chat/completions", body, key=key, headers={"idempotency-key": f"once-{word}"})
    kept = world.call("POST", "/v1/responses", {"model": "nova-lite", "input": asked(word)}, key=key).json["id"]
    done = world.call(
        "POST", "/v1/chat/completions", chat_body(asked(word, "Who painted the bridge of {}?")), key=key, headers=LATER
    )
    world.work()
    line = world.call(
        "POST",
        "/v1/chat/completions",
        chat_body(asked(word, "List three rivers near {}, please")),
        key=key,
        headers=LATER,
    )
    late = {"model": "nova-lite", "input": asked(word, "Tell a tale of the mayor of {}"), "background": True}
    later = world.call("POST", "/v1/responses", late, key=key).json["id"]
    jobs = (done.json["id"], line.json["id"])
    return [
        f"/v1/conversations/{made}",
        f"/v1/conversations/{made}/items",
        *(f"/v1/responses/{each}" for each in (kept, later)),
        *(f"/v1/jobs/{each}" for each in jobs),
    ]


def texts(value):
    """Every text in an item, whatever it is wrapped in."""
    match value:
        case dict():
            for name, part in value.items():
                yield name
                yield from texts(part)
        case list():
            for part in value:
                yield from texts(part)
        case bytes():
            yield from (value.decode(errors="replace"), inflated(value))
        case _:
            yield str(value)


def inflated(value):
    try:
        return zlib.decompress(value).decode(errors="replace")
    except zlib.error:
        return ""


def holding(world, word):
    """The tables with a word, each with the number of rows that hold it."""
    rows = ((table, row) for table, rows in world.everything().items() for row in rows)
    found = [table.rpartition("-")[2] for table, row in rows if any(word in text for text in texts(row))]
    return {table: found.count(table) for table in found}


def sweep(world):
    """The minute's run, and the worker that it calls."""
    with acting("sweep"):
        sweep_leases(an_event("scheduled"), CONTEXT)
    assert world.work() == []


def in_time(world, seconds):
    """What a worker does that much later."""
    use = bootstrap.services()
    eraser = dataclasses.replace(use.eraser, clock=lambda: use.clock() + seconds)
    return eraser.go_on(owner_of("acme", "ada"), lambda owner, job: None)


def finished(world):
    """The erasure, once no call of before it can be running."""
    in_time(world, 0)
    return in_time(world, LONGEST_CALL_SECONDS + 1)


def test_every_store_is_emptied_at_once_and_nobody_elses(world, admin, key):
    live(world, key, WORD)
    live(world, world.key("acme", "bob"), OTHERS)
    live(world, world.key("other", "ada"), OTHERS)
    assert {"conversations", "answers", "entries", "jobs"} <= holding(world, WORD).keys()
    before = holding(world, OTHERS)

    answer = admin("DELETE", ERASE)

    assert (answer.status, answer.json["status"]) == (200, "in_progress")
    assert holding(world, WORD) == {}
    assert holding(world, OTHERS) == before
    kinds = {"conversations", "responses", "answers", "questions", "decisions", "jobs", "receipts"}
    assert {kind for kind, count in answer.json["counts"].items() if count} == kinds


def test_what_was_kept_is_unknown_at_once_and_for_good(world, admin, key):
    paths = live(world, key, WORD)
    assert {world.call("GET", path, key=key).status for path in paths} == {200}

    admin("DELETE", ERASE)

    assert {world.call("GET", path, key=key).status for path in paths} == {401}
    assert {world.call("GET", path, key=world.key()).status for path in paths} == {404}
    assert finished(world).status == "done"
    assert {world.call("GET", path, key=world.key()).status for path in paths} == {404}


def test_a_turn_in_flight_brings_nothing_back(world, admin, key):
    made = world.call("POST", "/v1/conversations", {}, key=key).json["id"]
    replies = [
        world.stream(asked(WORD), key=key),
        world.stream(asked(WORD, "And in {}?"), key=key, conversation=made),
    ]
    begun = [next(reply.body) for reply in replies]
    assert all(begun)

    admin("DELETE", ERASE)
    said = b"".join(piece for reply in replies for piece in reply.body)
    sweep(world)

    assert WORD in said.decode()
    assert holding(world, WORD) == {}
    assert world.leases()["open"] == 0


def test_a_connection_is_ended(world, admin, key, monkeypatch):
    ends = Exchange()
    monkeypatch.setattr(sockets, "_transport", lambda _: ends)
    world.restart()
    use = bootstrap.services()
    use.reception.connections.open(Connection(id="one", opened_at=use.clock()))
    use.reception.admit(use.reception.heard("one"), parse_token(key))

    admin("DELETE", ERASE)

    assert ends.closed == ["one"]
    assert [row for row in world.rows("jobs") if "conn#one" in texts(row)] == []


def test_a_deletion_that_broke_off_is_found(world, admin, key):
    made = world.call("POST", "/v1/conversations", {"metadata": {"about": WORD}}, key=key).json["id"]
    world.chat(asked(WORD), key=key, conversation=made)
    DynamoConversations(bootstrap.open_database(settings.read(os.environ))).hide(owner_of("acme", "ada"), made)
    assert "conversations" in holding(world, WORD)

    admin("DELETE", ERASE)

    assert holding(world, WORD) == {}


def test_a_late_response_and_a_late_receipt_go_with_the_next_sweep(world, admin, key):
    live(world, key, WORD)
    use = bootstrap.services()
    owner = owner_of("acme", "ada")
    (path, *_) = [row["pk"]["S"] for row in world.rows("conversations") if row["sk"]["S"] == "response"]
    response = use.threads.get(owner, path, 0)
    stub = next(row for row in world.rows("jobs") if "told" in row)

    admin("DELETE", ERASE)
    use.threads.keep(response)
    receipt = use.once.receipts.get(stub["pk"]["S"].partition("#")[2], 0)
    held = msgspec.structs.replace(receipt, holder=stub["holder"]["S"])
    noise = random.Random(7).randbytes(900_000) + WORD.encode()
    kept = use.once.receipts.keep(held, Told(200, {}, noise))
    assert kept is False
    assert holding(world, WORD).keys() == {"conversations", "jobs"}
    sweep(world)

    assert holding(world, WORD) == {}


def test_a_worker_in_the_middle_stops_and_its_chunks_go(world, admin, key):
    body = chat_body(asked(WORD))
    line = world.call("POST", "/v1/chat/completions", body, key=key, headers=LATER).json["id"]
    lane = bootstrap.services().lane
    held = lane.begin(Message(line, parse_token(key).tenant_tag))
    lane.jobs.keep(held, Page(1, 1, (WORD.encode(),)))

    admin("DELETE", ERASE)
    assert lane.hold(held).cancelling
    lane.jobs.keep(held, Page(2, 2, (WORD.encode(),)))
    assert lane.jobs.end(held, "cancelled", WORD.encode(), bootstrap.services().clock())
    world.taken()
    sweep(world)

    assert holding(world, WORD) == {}
    lane.jobs.keep(held, Page(3, 3, (WORD.encode(),)))
    sweep(world)
    assert holding(world, WORD) == {}


def test_a_worker_that_died_is_not_waited_for(world, admin, key):
    body = chat_body(asked(WORD))
    line = world.call("POST", "/v1/chat/completions", body, key=key, headers=LATER).json["id"]
    lane = bootstrap.services().lane
    lane.begin(Message(line, parse_token(key).tenant_tag))

    admin("DELETE", ERASE)
    in_time(world, lane.lease_seconds + 1)

    assert holding(world, WORD) == {}


def test_an_answer_from_before_is_not_served_to_a_user_of_the_same_name(world, admin, key):
    world.chat(asked(WORD), key=key)
    admin("DELETE", ERASE)
    finished(world)

    made = admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada"})
    answer = world.chat(asked(WORD), key=made.json["key"])

    assert (made.status, answer.headers["x-tidegate-cache"]) == (200, "miss")


def test_nobody_gets_a_key_until_it_is_done(world, admin, key):
    live(world, key, WORD)
    mine = parse_token(key).key_id
    admin("DELETE", ERASE)

    refused = [
        admin("POST", "/admin/keys", {"tenant": "acme", "user": "ada"}),
        admin("POST", f"/admin/keys/{mine}/rotate"),
    ]

    assert [answer.status for answer in refused] == [409, 409]
    assert admin("POST", "/admin/keys", {"tenant": "acme", "user": "bob"}).status == 200


def test_the_receipt_tells_where_it_stands_and_repeating_is_safe(world, admin, key):
    assert admin("GET", ERASE).status == 404
    live(world, key, WORD)

    begun, again = admin("DELETE", ERASE).json, admin("DELETE", ERASE).json

    assert {**again, "counts": begun["counts"]} == begun
    assert again["counts"] == begun["counts"]
    assert admin("GET", ERASE).json == again
    finished(world)
    done = admin("GET", ERASE).json
    assert (done["status"], done["counts"]) == ("done", begun["counts"])
    assert done["finished_at"] >= done["started_at"] + LONGEST_CALL_SECONDS
    owned = [row for row in world.rows("jobs") if owner_of("acme", "ada") in row.get("owner", {"S": ""})["S"]]
    assert owned == []
    assert world.rows("conversations") == []
    assert WORD not in json.dumps(done)


def test_what_is_found_late_begins_the_wait_anew():
    begun = Erasure(tenant="acme", user="ada", started_at=0)
    clean, found = Found({"jobs": 0}), Found({"jobs": 2})

    once = advanced(advanced(begun, found, 1), clean, 10)
    soon = advanced(once, clean, 10 + LONGEST_CALL_SECONDS - 1)
    late = advanced(soon, found, 10 + LONGEST_CALL_SECONDS)
    waits = advanced(once, Found({"jobs": 0}, waits=True), 2_000)

    assert (once.clean_since, soon, late.clean_since, waits.clean_since) == (10, once, None, None)
    assert late.counts == {"jobs": 4}
    assert advanced(soon, clean, 10 + LONGEST_CALL_SECONDS).status == "done"
