"""Items of the cache that somebody broke or wrote for somebody else: a miss for those who would have met them."""

import json

import msgspec
import pytest

from chalicelib.adapters.dynamodb.bodies import packed_bytes
from tests.functional.world import STAGE

ASKED, AGAIN, ELSE = "How do I boil an egg?", "How can I boil an egg?", "What is the best way to boil an egg?"
SECRET = "What only Eve was told"


@pytest.fixture
def world(world, monkeypatch):
    return world.serving_by_meaning(monkeypatch)


@pytest.fixture
def key(world):
    return world.key()


def outcome(reply):
    assert reply.status == 200
    assert SECRET not in reply.text
    return reply.headers["x-tidegate-cache"]


def put(world, table, item):
    world.dynamodb.put_item(TableName=f"tidegate-{STAGE}-{table}", Item=item)


def told(text, **changes):
    """What is kept of an answer, with another text, and whatever else is another."""
    kept = json.loads(text)
    kept["completion"]["text"] = SECRET
    return packed_bytes(json.dumps({**kept, **changes}).encode())


ANSWERS = {
    "nothing": lambda body: b"",
    "garbage": lambda body: b"\x00\xff\x13",
    "no zlib": lambda body: b"x\x9cgarbage",
    "cut": lambda body: body[:-5],
    "other": lambda body: b'{"answer": "42"}',
    "other scope": lambda body: told(body, scope="1:evil:eve:nova-lite:0"),
    "no scope": lambda body: told(body, scope=None),
    "other version": lambda body: told(body, scope="2" + json.loads(body)["scope"][1:]),
    "over": lambda body: told(body, expires_at=1),
}


@pytest.mark.parametrize("how", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_was_poisoned_is_a_miss_and_is_written_anew(world, key, how):
    first = world.chat(ASKED, key=key)
    (item,) = world.rows("answers")
    put(world, "answers", {**item, "body": {"B": how(item["body"]["B"])}})

    assert outcome(world.chat(AGAIN, key=key)) == "miss"
    again, third = world.chat(ASKED, key=key), world.chat(ASKED, key=key)

    assert (outcome(again), outcome(third)) == ("miss", "hit")
    assert first.text == again.text == third.text


PLACES = ["scope", "id", "question", "answer", "created_at", "expires_at", "vector", "said"]


def changed(body, **changes):
    values = dict(zip(PLACES, msgspec.msgpack.decode(body), strict=True)) | changes
    return msgspec.msgpack.encode(list(values.values()))


ENTRIES = {
    "nothing": lambda body: b"",
    "garbage": lambda body: b"\xc1\xff\x13",
    "cut": lambda body: body[:-5],
    "too short": lambda body: msgspec.msgpack.encode(msgspec.msgpack.decode(body)[:-2]),
    "a map": lambda body: msgspec.msgpack.encode(dict(enumerate(msgspec.msgpack.decode(body)))),
    "other scope": lambda body: changed(body, scope="0" * 32),
    "no vector": lambda body: changed(body, vector=b""),
    "short vector": lambda body: changed(body, vector=b"\x01"),
    "zero vector": lambda body: changed(body, vector=bytes(256)),
    "far future": lambda body: changed(body, created_at=(1 << 64) - 1),
    "far past": lambda body: changed(body, created_at=-1),
}


def entry_of(world):
    (item,) = [each for each in world.rows("entries") if "entry" in each]
    return item


@pytest.mark.parametrize("how", ENTRIES.values(), ids=ENTRIES)
def test_an_entry_that_was_poisoned_is_left_out_and_the_others_are_found(world, key, how):
    world.chat(ASKED, key=key)
    item = entry_of(world)
    broken = how(item["entry"]["B"])

    put(world, "entries", {**item, "entry": {"B": broken}})
    world.restart()
    assert outcome(world.chat(ELSE, key=key, cache={"no-store": True})) == "miss"

    put(world, "entries", item)
    put(world, "entries", {**item, "sk": {"S": item["sk"]["S"][:14] + "#broken"}, "entry": {"B": broken}})
    world.restart()
    assert outcome(world.chat(AGAIN, key=key)) == "semantic"


def test_an_entry_copied_into_another_tenants_scope_is_left_out(world, key):
    eve = world.key("evil", "eve")
    world.chat(ASKED, key=eve)
    theirs = entry_of(world)
    world.chat("What is a tide?", key=key)
    mine = next(each for each in world.rows("entries") if "entry" in each and each["pk"] != theirs["pk"])

    put(world, "entries", {**theirs, "pk": mine["pk"]})
    world.restart()

    assert outcome(world.chat(AGAIN, key=key)) == "miss"
    assert outcome(world.chat(AGAIN, key=eve)) == "semantic"


def test_an_entry_that_names_another_tenants_answer_is_no_hit(world, key):
    eve = world.key("evil", "eve")
    world.chat(SECRET, key=eve)
    (theirs,) = world.rows("answers")
    world.chat(ASKED, key=key)
    scope = entry_of_scope(world, key)

    put(world, "entries", {**scope, "entry": {"B": changed(scope["entry"]["B"], answer=theirs["pk"]["S"])}})
    world.restart()

    assert outcome(world.chat(AGAIN, key=key)) == "miss"


def entry_of_scope(world, key):
    """The entry with the question that was asked last."""
    entries = [each for each in world.rows("entries") if "entry" in each]
    return next(each for each in entries if ASKED.encode() in each["entry"]["B"])


def test_a_removal_that_cannot_be_read_has_taken_everything(world, key):
    world.chat(ASKED, key=key)
    item = entry_of(world)
    later = {**item, "sk": {"S": f"{int(item['sk']['S'][:14]) + 1_000:014d}#!odd"}, "gone": {"B": b"\xc1"}}

    put(world, "entries", {name: value for name, value in later.items() if name != "entry"})
    world.restart()

    assert outcome(world.chat(AGAIN, key=key)) == "miss"


@pytest.mark.parametrize("unit", ["a-", "How do I boil an egg? ", "🥚", "x1111-", "ä ", "\u202e"])
def test_a_question_of_a_megabyte_is_refused_or_answered(world, key, unit):
    world.chat(ASKED, key=key)

    assert world.chat(unit * (1_000_000 // len(unit.encode())), key=key).status in {200, 400}


@pytest.mark.parametrize(
    "question", ["🥚🥚🥚", "Как сварить яйцо and how do I boil an egg", "\u202ekcart", "Z͑ͫ̓ͪa͊lgo", "é" * 500]
)
def test_signs_that_the_guards_cannot_read_are_not_compared(world, key, question):
    world.chat(ASKED, key=key)

    first, again = world.chat(question, key=key), world.chat(question, key=key)

    assert (outcome(first), outcome(again)) == ("miss", "hit")
