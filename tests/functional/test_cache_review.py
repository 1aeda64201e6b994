"""The semantic cache explained, corrected, purged and taught, through every route, as two processes see it."""

import dataclasses
import json
import logging
import time

import pytest

from app import refit_cache
from chalicelib import bootstrap
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.domain.lessons import Refitted
from chalicelib.domain.verdicts import ALONE
from chalicelib.edge import telemetry
from chalicelib.pipeline.refit import SETTLED_SECONDS
from tests.builders import CONTEXT, an_event
from tests.functional.rights import acting
from tests.functional.test_semantic import AGAIN, ASKED, outcome
from tests.functional.world import STAGE

DISHES = ("a steak", "a potato", "a carrot", "a salmon", "an onion", "a cabbage", "a lobster", "a turnip")


@pytest.fixture
def serving(world, monkeypatch):
    return world.serving_by_meaning(monkeypatch)


@pytest.fixture
def key(world):
    return world.key()


@pytest.fixture
def admin(world):
    return world.key("ops", "root", scopes=frozenset({"admin"}))


def served(world, key):
    """An answer to another question, as it came."""
    world.chat(ASKED, key=key)
    answer = world.chat(AGAIN, key=key)
    assert outcome(answer) == "semantic"
    return answer


def say(world, answer, key, *, correct):
    return world.call("POST", "/v1/cache/feedback", {"id": answer, "correct": correct}, key=key)


def decisions(world, admin, query=""):
    return world.call("GET", f"/admin/cache/decisions?tenant=acme{query}", key=admin).json


def purge(world, admin, **parts):
    return world.call("POST", "/admin/cache/purge", {"tenant": "acme", **parts}, key=admin)


def learn(after=SETTLED_SECONDS + 1):
    """A refit as if it were later."""
    with acting("refit"):
        return dataclasses.replace(bootstrap.refitter(), clock=lambda: time.time() + after).run()


def test_every_decision_is_explained_without_a_word_of_what_was_said(serving, key, admin):
    answer = served(serving, key)

    listed = serving.call("GET", "/admin/cache/decisions?tenant=acme", key=admin)

    hit, first = listed.json["data"]
    assert (hit["id"], hit["outcome"], hit["reason"], hit["user"]) == (
        answer.json["id"], "semantic", "sure enough", "ada",
    )  # fmt: skip
    assert hit["lower"] >= hit["threshold"]
    assert (hit["runner_up"], hit["seconded"]) == (ALONE, ALONE)
    assert hit["entry"] == first["fresh"]
    assert 0 <= hit["entry_age_seconds"] < 60
    assert (first["outcome"], first["reason"], first["entry"]) == ("miss", "no neighbour", None)
    assert b"egg" not in listed.body


def test_a_guard_is_named(serving, key, admin):
    serving.chat("How do I boil an egg for 7 minutes?", key=key)
    serving.chat("How do I boil an egg for 9 minutes?", key=key)

    assert (decisions(serving, admin)["data"][0]["reason"], decisions(serving, admin)["data"][0]["guard"]) == (
        "guarded", "number",
    )  # fmt: skip


def test_decisions_are_paged_and_picked(serving, key, admin):
    served(serving, key)
    serving.chat(ASKED, key=serving.key("acme", "bob"))

    first = decisions(serving, admin, "&limit=2")
    rest = decisions(serving, admin, f"&limit=2&after={first['next']}")

    assert [each["user"] for each in first["data"] + rest["data"]] == ["bob", "ada", "ada"]
    assert (first["has_more"], rest["has_more"], rest["next"]) == (True, False, None)
    assert len(decisions(serving, admin, "&user=ada")["data"]) == 2
    assert len(decisions(serving, admin, "&outcome=semantic&model=nova-lite")["data"]) == 1
    assert decisions(serving, admin, "&model=nova-pro")["data"] == []
    stolen = serving.call("GET", f"/admin/cache/decisions?tenant=evil&after={first['next']}", key=admin)
    assert (stolen.status, stolen.error["param"]) == (400, "after")


@pytest.mark.parametrize("name", [lambda answer: answer.json["id"], lambda answer: answer.headers["x-request-id"]])
def test_a_wrong_answer_is_not_served_again(serving, key, name):
    answer = served(serving, key)

    heard = say(serving, name(answer), key, correct=False)

    assert heard.json == {"id": answer.json["id"], "object": "cache.feedback", "correct": False}
    assert outcome(serving.chat(AGAIN, key=key)) == "miss"


def test_two_questions_that_were_mixed_up_serve_neither_for_the_other(serving, key):
    answer = served(serving, key)

    say(serving, answer.json["id"], key, correct=False)

    assert outcome(serving.chat(AGAIN, key=key)) == "miss"
    assert outcome(serving.chat(ASKED, key=key)) == "miss"
    assert outcome(serving.chat(AGAIN, key=key)) == "hit"


def test_feedback_is_heard_once(serving, key):
    answer = served(serving, key)

    first, again = (say(serving, answer.json["id"], key, correct=False) for _ in range(2))

    assert first.body == again.body
    assert learn().labels == 1


def test_an_answer_of_the_models_own_that_was_wrong_goes_too(serving, key):
    wrong = serving.chat(ASKED, key=key)

    say(serving, wrong.json["id"], key, correct=False)

    assert outcome(serving.chat(ASKED, key=key)) == "miss"


def test_a_right_answer_stays(serving, key):
    answer = served(serving, key)

    assert say(serving, answer.json["id"], key, correct=True).status == 200
    assert outcome(serving.chat(AGAIN, key=key)) == "semantic"
    assert learn().labels == 1


@pytest.mark.parametrize("owner", [("acme", "bob"), ("evil", "ada")])
def test_anothers_answer_is_as_unknown_as_none(serving, key, owner):
    answer = served(serving, key).json["id"]
    unknown, stranger = "chatcmpl-" + "0" * 32, serving.key(*owner)

    theirs, nobodys = (say(serving, each, stranger, correct=False) for each in (answer, unknown))

    assert (theirs.status, nobodys.status) == (404, 404)
    assert theirs.body.decode().replace(answer, "") == nobodys.body.decode().replace(unknown, "")
    assert outcome(serving.chat(AGAIN, key=key)) == "semantic"


def test_a_share_of_hits_is_asked_of_the_model_and_compared(serving, key, admin):
    checked = serving.key(plan=serving.plan(name="checked", cache={"check_rate": 1.0}))
    serving.chat(ASKED, key=checked)

    answer = serving.chat(AGAIN, key=checked)

    assert (outcome(answer), answer.headers["x-tidegate-attempts"]) == ("miss", "1")
    assert decisions(serving, admin)["data"][0]["checked"] is True


def test_the_answers_of_a_simulated_model_teach_nothing(serving, key):
    checked = serving.key(plan=serving.plan(name="checked", cache={"check_rate": 1.0}))
    for question in (ASKED, AGAIN):
        serving.chat(question, key=checked)

    assert learn() == Refitted(namespaces=1)


def test_what_it_learns_is_shared_by_every_process(serving, key, admin):
    for dish in DISHES[1:]:
        serving.chat(f"How do I boil {dish}?", key=key)
        wrong = serving.chat(f"How can I boil {dish}?", key=key)
        assert outcome(wrong) == "semantic"
        say(serving, wrong.json["id"], key, correct=False)
    serving.chat(f"How do I boil {DISHES[0]}?", key=key)
    assert serving.call("GET", "/admin/cache?tenant=acme", key=admin).json["labels"] == 0

    assert learn() == Refitted(namespaces=1, labels=len(DISHES) - 1, wrong=len(DISHES) - 1)

    serving.restart()
    assert outcome(serving.chat(f"How can I boil {DISHES[0]}?", key=key)) == "miss"
    state = serving.call("GET", "/admin/cache?tenant=acme", key=admin).json
    assert (state["mode"], state["labels"], state["requests"]) == ("serve", len(DISHES) - 1, 2 * len(DISHES) - 1)
    assert state["index"]["up"] is True
    other = serving.key("evil", "ada")
    serving.chat(ASKED, key=other)
    assert outcome(serving.chat(AGAIN, key=other)) == "semantic"


def test_a_process_reads_the_fit_with_the_turn_and_then_not_for_a_while(serving, key, monkeypatch):
    asked, call = [], Database.call

    def recorded(database, operation, request):
        if operation == "batch_get_item":
            asked.extend(item["pk"]["S"] for item in request["RequestItems"][database.tables.entries]["Keys"])
        return call(database, operation, request)

    monkeypatch.setattr(Database, "call", recorded)
    for question in (ASKED, "What is a tide?"):
        serving.chat(question, key=key)

    assert len([name for name in asked if name.startswith("namespaces#")]) == 1


@pytest.mark.parametrize(
    ("parts", "gone"),
    [
        ({}, True),
        ({"user": "ada"}, True),
        ({"model": "nova-lite"}, True),
        ({"older_than_seconds": 3_600}, False),
        ({"user": "bob"}, False),
        ({"model": "claude-haiku-4-5"}, False),
        ({"prefix": "0" * 64}, False),
        ({"tenant": "evil"}, False),
    ],
)
def test_a_purge_takes_what_it_names(serving, key, admin, parts, gone):
    serving.chat(ASKED, key=key)

    done = purge(serving, admin, **parts)

    assert done.json["forgotten"] == int(gone)
    assert outcome(serving.chat(ASKED, key=key)) == ("miss" if gone else "hit")


def test_a_purge_knows_a_model_by_its_alias(serving, key, admin):
    serving.chat(ASKED, key=key, model="claude-haiku-4-5")

    assert purge(serving, admin, model="auto").json["forgotten"] == 1


def test_a_purge_of_a_model_that_nobody_offers_is_not_found(serving, key, admin):
    serving.chat(ASKED, key=key)

    answer = purge(serving, admin, model="nova-light")

    assert (answer.status, answer.error["param"]) == (404, "model")
    assert outcome(serving.chat(ASKED, key=key)) == "hit"


def test_what_was_taught_nothing_shows_the_line_that_ships(serving, key, admin):
    state = serving.call("GET", "/admin/cache?tenant=acme", key=admin).json
    served(serving, key)

    assert state["threshold"] == decisions(serving, admin)["data"][0]["threshold"]
    assert state["expected_error"] is None


def test_a_prefix_is_told_by_the_decisions(serving, key, admin):
    serving.chat({"role": "system", "content": "Be brief."}, ASKED, key=key)
    (decision,) = decisions(serving, admin)["data"]
    serving.chat(ASKED, key=key)

    assert purge(serving, admin, prefix=decision["prefix"]).json["forgotten"] == 1
    assert outcome(serving.chat({"role": "system", "content": "Be brief."}, ASKED, key=key)) == "miss"
    assert outcome(serving.chat(ASKED, key=key)) == "hit"


def test_answers_that_are_found_by_their_words_alone_are_purged_too(world, key, admin):
    world.chat(ASKED, key=key)
    theirs = world.key("evil", "ada")
    world.chat(ASKED, key=theirs)

    purge(world, admin)
    world.restart()

    assert outcome(world.chat(ASKED, key=key)) == "miss"
    assert outcome(world.chat(ASKED, key=theirs)) == "hit"


def test_the_schedule_learns_and_says_so(serving, key, capsys):
    telemetry.logger()
    (handler, *_) = logging.getLogger("tidegate").handlers
    served(serving, key)
    said = []
    handler.setStream(type("Said", (), {"write": lambda _, text: said.append(text), "flush": lambda _: None})())

    refit_cache(an_event("scheduled"), CONTEXT)

    line = next(json.loads(each) for each in said if '"refit"' in each)
    assert (line["namespaces"], line["failed"]) == (0, 0)


def test_the_refit_needs_no_secret(serving, key, monkeypatch):
    answer = served(serving, key)
    say(serving, answer.json["id"], key, correct=True)
    checked = serving.key(plan=serving.plan(name="checked", cache={"check_rate": 1.0}))
    serving.chat("How should I boil an egg?", key=checked)
    monkeypatch.delenv("TIDEGATE_PEPPER")
    monkeypatch.setenv("TIDEGATE_PEPPERS_SECRET", "arn:of-a-secret-that-it-may-not-read")

    assert learn().labels >= 1


def test_a_fit_that_nobody_can_read_counts_as_none(serving, key):
    served(serving, key)
    learn()
    for row in serving.rows("entries"):
        if row["pk"]["S"].startswith("namespaces#"):
            serving.dynamodb.put_item(TableName=f"tidegate-{STAGE}-entries", Item={**row, "fit": {"B": b"\xff"}})
    serving.restart()

    assert outcome(serving.chat(AGAIN, key=key)) == "semantic"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"correct": True}, "id"),
        ({"id": "chatcmpl-1"}, "correct"),
        *(({"id": name, "correct": True}, "id") for name in ("", "x" * 201, 1, None, [])),
        *(({"id": "chatcmpl-1", "correct": word}, "correct") for word in ("yes", 1, None, [])),
        ({"id": "chatcmpl-1", "correct": True, "colour": 1}, "colour"),
    ],
)
def test_feedback_that_cannot_be_is_refused_by_name(world, key, body, param):
    before = world.everything()

    answer = world.call("POST", "/v1/cache/feedback", body, key=key)

    assert (answer.status, answer.error["param"]) == (400, param)
    assert world.everything() == before


@pytest.mark.parametrize("name", ["chatcmpl-", "x" * 200, "\u0000", "chatcmpl-" + "f" * 32, "' OR 1=1", "🥚"])
def test_feedback_on_a_name_that_nothing_has_is_not_found(serving, key, name):
    serving.chat(ASKED, key=key)

    assert say(serving, name, key, correct=False).status == 404
