"""What the semantic cache decided, what it was told of that, and what it learned, over memory, moto and an emulator."""

import msgspec
import pytest

from chalicelib.adapters.dynamodb.decision_items import course_key, decision_key, purges_key
from chalicelib.domain.entries import AnswerScope, Purge
from chalicelib.domain.identity import tenant_tag
from chalicelib.domain.lessons import Course, Feedback, Offer, Ruling, Search
from chalicelib.domain.purges import forbids
from chalicelib.domain.turn_ids import started, turn_id
from chalicelib.domain.verdicts import Calibration, Decision, Evidence, Label, Line
from tests.contract.samples import NOW, cached, cue, noise

ACME = tenant_tag("acme")
SCOPE = AnswerScope(ACME, "ada", "echo", "p1", "wordllama://")
MISSED = Decision(
    serve=False, tier="miss", reason="not sure enough", entry="k0", score=0.4, lower=0.3, threshold=0.8,
    similarity=0.7, evidence=Evidence(-0.5, 0.7, -3.0, -1.0),
)  # fmt: skip
FIT = Calibration(
    (0.0, 1.0, 0.5, 0.1, 0.0, 0.0), ((1.0, 0.0), (0.0, 1.0)), 0.7, lines=(Line(0.9, 0.001, 0.01), Line(0.7, 0.01, 0.1))
)
TAUGHT = msgspec.structs.replace(
    FIT, labels=(Label(Evidence(1.5, 0.9), right=True, weight=20.0),), requests=(None, Evidence(1.5, 0.9)), news=3
)


def ruling(number=1, *, of=SCOPE, at=None, **changes):
    at = NOW + number if at is None else at
    made = Ruling(
        id=turn_id(at, number.to_bytes(10, "big")),
        request_id=f"r-{number}",
        at=int(at),
        user="ada",
        scope=of,
        verifier="v1",
        mode="serve",
        outcome="miss",
        decision=MISSED,
        entry_at=NOW - 60,
        fresh=f"k{number}",
    )
    return msgspec.structs.replace(made, **changes)


def said(of, *, correct, number=1_000):
    told = msgspec.structs.replace(of, correct=correct)
    return Feedback(turn_id(NOW + number, number.to_bytes(10, "big")), told)


def kept(stores, count, **changes):
    rulings = [ruling(number, **changes) for number in range(1, count + 1)]
    for each in rulings:
        stores.decisions.put(each)
    return rulings


def test_a_decision_is_found_by_its_turn_and_by_its_request(stores):
    first, second = kept(stores, 2)

    assert stores.again().decisions.get(ACME, first.id) == first
    assert stores.decisions.requested(ACME, "r-2") == second


@pytest.mark.parametrize("name", ["nobody", "", "r-1"])
def test_what_is_not_there_is_none(stores, name):
    kept(stores, 1)

    assert stores.decisions.get("evil", ruling(1).id) is None
    assert name == "" or stores.decisions.get(ACME, name) is None
    assert stores.decisions.requested("evil", "r-1") is None
    assert stores.decisions.requested(ACME, "unknown") is None


def test_pages_are_the_newest_first_and_go_on_where_they_ended(stores):
    rulings = kept(stores, 5)
    stores.decisions.put(ruling(9, of=msgspec.structs.replace(SCOPE, tenant="evil")))

    first = stores.decisions.page(Search(ACME, limit=3))
    second = stores.decisions.page(Search(ACME, limit=3, before=first.before))

    assert [*first.rulings, *second.rulings] == rulings[::-1]
    assert (len(first.rulings), second.before) == (3, None)


def test_a_page_that_is_just_full_is_the_last_one(stores):
    kept(stores, 2)

    assert stores.decisions.page(Search(ACME, limit=2)).before is None


@pytest.mark.parametrize("part", [{"user": "bob"}, {"model": "sonar"}, {"outcome": "semantic"}])
def test_a_page_has_only_what_is_meant(stores, part):
    kept(stores, 3)
    scope = msgspec.structs.replace(SCOPE, model="sonar")
    other = ruling(7, of=scope, user="bob", outcome="semantic")
    stores.decisions.put(other)

    assert stores.decisions.page(Search(ACME, **part)).rulings == (other,)
    assert stores.decisions.page(Search(ACME, "bob", "echo")).rulings == ()


def test_a_users_word_is_kept_once_with_the_decision_and_for_the_refit(stores):
    (made,) = kept(stores, 1)
    wrong = said(made, correct=False)

    assert stores.decisions.correct(wrong)
    assert not stores.decisions.correct(said(made, correct=False, number=1_001))

    assert stores.decisions.get(ACME, made.id).correct is False
    told = stores.lessons.since(ACME, "", started(NOW + 2_000), 10)
    assert told == [msgspec.structs.replace(made, correct=False), wrong]
    assert stores.decisions.page(Search(ACME)).rulings == (told[0],)


def test_who_changes_their_mind_is_heard_again(stores):
    (made,) = kept(stores, 1)
    stores.decisions.correct(said(made, correct=False))

    assert stores.decisions.correct(said(made, correct=True, number=1_001))

    assert stores.decisions.get(ACME, made.id).correct is True


def test_a_word_on_nothing_is_not_kept(stores):
    assert not stores.decisions.correct(said(ruling(1), correct=True))

    assert stores.lessons.since(ACME, "", started(NOW + 2_000), 10) == []


def test_an_answer_comes_with_its_floor(stores):
    stores.answers.store("k", cached())
    assert stores.decisions.offer("k", NOW) == Offer(cached())

    stores.decisions.lift("k", 1.25, NOW + 60)
    stores.decisions.lift("k", -3.5, NOW + 600)

    assert stores.decisions.offer("k", NOW) == Offer(cached(), 1.25)
    assert stores.decisions.offer("k", NOW + 60) == Offer(None)
    assert stores.decisions.offer("other", NOW) == Offer(None)


def test_a_floor_outlives_its_answer(stores):
    stores.decisions.lift("k", 1.25, NOW + 6_000)

    assert stores.decisions.offer("k", NOW) == Offer(None, 1.25)


def test_an_answer_that_is_dropped_is_gone(stores):
    stores.answers.store("k", cached())

    for _ in range(2):
        stores.decisions.drop("k")

    assert stores.decisions.offer("k", NOW) == Offer(None)


def test_a_purge_is_told_to_turns_that_look_for_answers_of_the_tenant(stores):
    stores.decisions.forbid(Purge(ACME, user="ada"), NOW)
    stores.decisions.forbid(Purge(ACME, model="echo", before=NOW - 60), NOW)
    stores.decisions.forbid(Purge(tenant_tag("evil")), NOW)

    told = stores.again().turns.recall(cue(answers=("k",))).purges

    assert set(told) == {Purge(ACME, user="ada", before=NOW + 1), Purge(ACME, model="echo", before=NOW - 60)}
    assert stores.turns.recall(cue()).purges == ()


def test_a_namespace_is_shown_by_its_first_decision(stores):
    kept(stores, 2)
    kept(stores, 1, of=msgspec.structs.replace(SCOPE, embedder='o"ther#'))

    assert set(stores.lessons.namespaces()) == {
        ruling().namespace,
        ruling(of=msgspec.structs.replace(SCOPE, embedder='o"ther#')).namespace,
    }


def test_what_was_learned_is_all_there_and_turns_read_the_fit(stores):
    (made,) = kept(stores, 1)
    course = Course(TAUGHT, cursor=made.id, version=1, refitted_at=NOW)
    wanted = msgspec.structs.replace(cue(), namespace=made.namespace)
    assert stores.lessons.course(made.namespace) == Course()
    assert stores.turns.recall(wanted).fit is None

    assert stores.lessons.save(made.namespace, course)

    assert stores.again().lessons.course(made.namespace) == course
    fit = stores.turns.recall(wanted).fit
    assert (fit.weights, fit.threshold, fit.lines) == (FIT.weights, FIT.threshold, FIT.lines)
    assert stores.turns.recall(cue()).fit is None
    stranger = msgspec.structs.replace(made.namespace, verifier="v2")
    assert stores.turns.recall(msgspec.structs.replace(cue(), namespace=stranger)).fit is None


def test_of_two_refits_at_once_one_is_kept(stores):
    namespace = ruling().namespace
    one, other = Course(FIT, "a", 1, NOW), Course(TAUGHT, "b", 1, NOW)

    assert stores.lessons.save(namespace, one)
    assert not stores.lessons.save(namespace, other)

    assert stores.lessons.course(namespace) == one
    assert stores.lessons.save(namespace, msgspec.structs.replace(other, version=2))
    assert not stores.lessons.save(namespace, msgspec.structs.replace(one, version=2))
    assert stores.lessons.course(namespace).cursor == "b"


def test_the_namespace_that_waits_longest_is_the_first(stores):
    older, newer = (ruling(of=msgspec.structs.replace(SCOPE, embedder=each)).namespace for each in ("a", "b"))
    stores.lessons.save(newer, Course(FIT, "a", 1, NOW))
    stores.lessons.save(older, Course(FIT, "a", 1, NOW - 60))

    assert list(stores.lessons.namespaces()) == [older, newer]


def test_the_refit_reads_between_two_ids_and_the_newest_of_too_many(stores):
    rulings = kept(stores, 6)

    def read(after, until, most=10):
        return stores.lessons.since(ACME, after, until, most)

    assert read("", started(NOW + 100)) == rulings
    assert read(rulings[1].id, started(NOW + 5)) == rulings[2:4]
    assert read("", started(NOW + 100), 2) == rulings[4:]


def test_a_course_as_large_as_can_be_fits_into_an_item(stores):
    labels = tuple(Label(Evidence(n / 7, n / 3, n / 9, n / 11), right=bool(n % 2), weight=20.0) for n in range(2_000))
    requests = tuple(label.evidence for label in labels[:800])
    full = msgspec.structs.replace(TAUGHT, labels=labels, requests=requests)
    namespace = ruling().namespace

    assert stores.lessons.save(namespace, Course(full, "a", 1, NOW))

    assert stores.lessons.course(namespace).calibration == full
    assert len(msgspec.msgpack.encode(full)) < 150_000


def test_answers_are_fetched_by_hundreds(stores):
    for number in range(0, 250, 3):
        stores.answers.store(f"k{number}", cached(f"{number}", expires_at=NOW + number))

    found = stores.lessons.answers([f"k{number}" for number in range(250)], NOW + 100)

    assert {key: answer.completion.text for key, answer in found.items()} == {
        f"k{number}": f"{number}" for number in range(102, 250, 3)
    }


@pytest.fixture(params=["moto", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def dynamo(request):
    return request.getfixturevalue(f"on_{request.param}")


def test_an_answer_is_kept_with_its_decision_in_one_request(dynamo):
    for number in (1, 2):
        with dynamo.counted() as calls:
            assert dynamo.decisions.store(f"k{number}", cached(), ruling(number))
        assert calls == {"TransactWriteItems": 1}

    assert dynamo.decisions.get(ACME, ruling(2).id) == ruling(2)
    assert dynamo.decisions.offer("k1", NOW) == Offer(cached())
    assert dynamo.lessons.namespaces() == [ruling().namespace]


def test_an_answer_that_is_too_large_is_not_kept_nor_its_decision(dynamo):
    assert not dynamo.decisions.store("k", cached(noise(800_000)), ruling())

    assert dynamo.decisions.get(ACME, ruling().id) is None


def test_an_answer_alone_is_one_plain_write(dynamo):
    with dynamo.counted() as calls:
        assert dynamo.decisions.store("k", cached(), None)

    assert calls == {"PutItem": 1}


def test_an_item_of_another_release_is_left_out(dynamo):
    (made,) = kept(dynamo, 1)
    strange = decision_key(ACME, turn_id(NOW + 9, bytes(10))) | {"ruling": {"B": b"\xff"}}
    dynamo.client.put_item(TableName=dynamo.database.tables.entries, Item=strange)

    assert dynamo.decisions.page(Search(ACME)).rulings == (made,)
    assert dynamo.lessons.since(ACME, "", started(NOW + 99), 10) == [made]


def test_a_course_that_nobody_can_read_begins_anew_behind_its_version(dynamo):
    namespace = ruling().namespace
    dynamo.lessons.save(namespace, Course(TAUGHT, "a", 1, NOW))
    broken = course_key(namespace) | {"course": {"B": b"\xff"}, "version": {"N": "7"}}
    dynamo.client.put_item(TableName=dynamo.database.tables.entries, Item=broken)

    assert dynamo.lessons.course(namespace) == Course(version=7)
    assert dynamo.lessons.save(namespace, Course(FIT, "b", 8, NOW))


def test_purges_that_nobody_can_read_forbid_everything(dynamo):
    dynamo.client.put_item(TableName=dynamo.database.tables.entries, Item=purges_key(ACME) | {"purges": {"B": b"\xff"}})

    assert forbids(dynamo.turns.recall(cue(answers=("k",))).purges, SCOPE, NOW)
