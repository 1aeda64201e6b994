"""Answers to questions that ask the same in other words."""

import msgspec
import pytest

from chalicelib.domain.budget import CacheRules
from chalicelib.domain.entries import word_for
from chalicelib.domain.errors import IndexUnavailable, ModelTimeout, NotFound, StoreUnavailable
from chalicelib.domain.lessons import Course, Ruling
from chalicelib.domain.turn import CacheControl
from chalicelib.domain.verdicts import TERMS, Calibration, Decision, Evidence
from chalicelib.pipeline.review import Word
from tests.builders import NOW, a_principal, a_request
from tests.unit.pipeline.stage import Stage
from tests.unit.pipeline.test_turn import answered

ASKED, AGAIN = "How do I boil an egg?", "What is the way to boil eggs?"


class Judge:
    """Serves whatever is nearest, or nothing."""

    def __init__(self, *, serve=True):
        self.serve, self.heard, self.said = serve, [], []

    def judge(self, question, neighbours, fit, knobs):
        self.heard.append([each.question for each in neighbours])
        self.said.append([each.said for each in neighbours])
        if not neighbours:
            return Decision(serve=False, tier="miss", reason="no neighbour", threshold=knobs.bound.max_error)
        nearest = neighbours[0]
        return Decision(
            serve=self.serve,
            tier="semantic" if self.serve else "miss",
            reason="sure enough" if self.serve else "not sure enough",
            entry=nearest.answer,
            threshold=0.5,
            similarity=nearest.similarity,
            evidence=Evidence(1.5, nearest.similarity),
        )


def a_stage(*, mode="serve", serve=True, **fields):
    return Stage(mode=mode, judge=Judge(serve=serve), **fields)


def ask(stage, question=AGAIN, **fields):
    return answered(stage, request=a_request(question, max_output_tokens=0), **fields)


def test_a_question_in_other_words_gets_the_answer():
    stage = a_stage()
    first = ask(stage, ASKED, number=1)

    again = ask(stage, number=2)

    assert (first.head.cache, again.head.cache) == ("miss", "semantic")
    assert again.completion == first.completion
    assert 0 < again.head.similarity < 1
    assert len(stage.model.requests) == 1


def test_it_is_charged_as_a_hit():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    before = stage.used()

    ask(stage, number=2)

    after = stage.used()
    assert (after.requests - before.requests, after.tokens - before.tokens) == (1, 0)
    assert stage.meter.reports[-1].cache == "semantic"
    assert stage.meter.reports[-1].usd_micros == 0


@pytest.mark.parametrize(
    ("mode", "serve", "judged"), [("serve", False, "not sure enough"), ("shadow", True, "sure enough")]
)
def test_what_is_not_sure_enough_or_only_watched_is_asked_of_the_model(mode, serve, judged):
    stage = a_stage(mode=mode, serve=serve)
    ask(stage, ASKED, number=1)

    again = ask(stage, number=2)

    assert again.head.cache == "miss"
    assert len(stage.model.requests) == 2
    assert (stage.meter.reports[-1].judged, stage.meter.reports[-1].similarity) == (judged, again.head.similarity)


def test_switched_off_nothing_is_looked_for_or_kept():
    stage = a_stage(mode="off")
    ask(stage, ASKED, number=1)
    ask(stage, number=2)

    assert stage.meanings.judge.heard == []
    assert stage.vectors.health().entries == 0


@pytest.mark.parametrize("change", [{"model": "small", "temperature": 0.1}, {"seed": 3}, {"stop": ("a",)}])
def test_another_scope_is_never_looked_into(change):
    stage = a_stage()
    ask(stage, ASKED, number=1)

    asked = answered(stage, request=a_request(AGAIN, max_output_tokens=0, **change), number=2)

    assert asked.head.cache == "miss"
    assert stage.meanings.judge.heard[-1] == []


def test_a_lying_index_serves_nothing_of_another_scope():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    search = stage.vectors.search
    stage.vectors.search = lambda sought, within: [
        msgspec.structs.replace(each, scope=msgspec.structs.replace(each.scope, user="somebody"))
        for each in search(sought, within)
    ]

    assert ask(stage, number=2).head.cache == "miss"
    assert stage.meanings.judge.heard[-1] == []


def test_an_entry_that_names_an_answer_of_another_scope_is_no_hit():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    ((key, kept),) = stage.shelf.answers.items()
    stage.shelf.answers[key] = msgspec.structs.replace(kept, scope="1:evil:*:small:0")

    assert ask(stage, number=2).head.cache == "miss"


def test_an_entry_without_its_answer_is_no_hit():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    stage.shelf.answers.clear()

    assert ask(stage, number=2).head.cache == "miss"


def test_an_answer_longer_than_the_cap_is_no_hit():
    stage = a_stage()
    ask(stage, ASKED, number=1)

    assert answered(stage, request=a_request(AGAIN, max_output_tokens=1), number=2).head.cache == "miss"


@pytest.mark.parametrize("control", [CacheControl(no_cache=True), CacheControl(no_cache=True, no_store=True)])
def test_who_wants_no_cache_gets_none(control):
    stage = a_stage()
    ask(stage, ASKED, number=1)

    assert ask(stage, number=2, cache=control).head.cache in {"miss", "bypass"}
    assert len(stage.model.requests) == 2


def failing(fault):
    def fail(*_):
        raise fault

    return fail


@pytest.mark.parametrize(
    ("part", "method", "fault"),
    [
        ("index", "search", IndexUnavailable("down")),
        ("embedder", "embed", ModelTimeout("slow")),
    ],
)
def test_a_fault_of_the_tier_is_a_miss_and_is_told(part, method, fault):
    stage = a_stage()
    ask(stage, ASKED, number=1)
    broken = type("Broken", (), {method: lambda self, *args: failing(fault)()})()
    stage.meanings = type(stage.meanings)(
        **{
            name: broken if name == part else getattr(stage.meanings, name)
            for name in ("embedder", "index", "judge", "keeper", "decisions")
        }
    )

    again = ask(stage, number=2)

    assert again.head.cache == "miss"
    assert stage.meter.reports[-1].judged == type(fault).__name__


def test_an_answer_that_cannot_be_fetched_is_a_miss(monkeypatch):
    stage = a_stage()
    ask(stage, ASKED, number=1)
    monkeypatch.setattr(type(stage.decisions), "offer", failing(StoreUnavailable("down")))

    assert ask(stage, number=2).head.cache == "miss"


def test_a_keeper_that_fails_costs_a_later_miss_alone(monkeypatch):
    stage = a_stage()
    monkeypatch.setattr(type(stage.meanings.keeper), "keep", failing(IndexUnavailable("down")))

    assert ask(stage, ASKED, number=1).completion.text == "Hello"


@pytest.mark.parametrize(
    ("mode", "rules", "outcome"),
    [
        ("serve", CacheRules(mode="off"), "miss"),
        ("serve", CacheRules(mode="shadow"), "miss"),
        ("shadow", CacheRules(mode="serve"), "semantic"),
        ("off", CacheRules(mode="serve"), "miss"),
        ("serve", CacheRules(max_error=0.0), "semantic"),
    ],
)
def test_a_plan_has_its_own_mode_where_the_stage_has_the_tier_on(mode, rules, outcome):
    stage = a_stage(mode=mode, cache=rules)
    ask(stage, ASKED, number=1)

    assert ask(stage, number=2).head.cache == outcome


def test_a_plans_rules_reach_the_judge(monkeypatch):
    stage, heard = a_stage(cache=CacheRules(max_error=0.25, protected_terms=("Egg",))), []
    judge = stage.meanings.judge.judge
    monkeypatch.setattr(
        stage.meanings.judge,
        "judge",
        lambda question, near, fit, knobs: heard.append(knobs) or judge(question, near, fit, knobs),
    )
    ask(stage, ASKED)

    assert (heard[0].bound.max_error, heard[0].protected_terms) == (0.25, {"egg"})


@pytest.mark.parametrize(
    ("rule", "asked", "lifetime"), [(60, None, 60), (60, 30, 30), (60, 90, 60), (9_999, None, 3_600)]
)
def test_a_plans_ttl_bounds_the_callers_and_is_bounded_by_the_stages(rule, asked, lifetime):
    stage = a_stage(cache=CacheRules(ttl_seconds=rule))
    ask(stage, ASKED, cache=None if asked is None else CacheControl(ttl=asked))

    (kept,) = stage.shelf.answers.values()
    assert kept.expires_at - kept.created_at == lifetime


def rulings(stage):
    return [each for each in stage.shelf.told.values() if isinstance(each, Ruling)]


def say(stage, number, *, correct):
    owner = a_principal()
    return stage.services.review.feedback(owner, Word(f"{number:032x}", correct), call_id="c", now=NOW)


def test_every_look_leaves_a_decision_with_the_keys_of_both_answers():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    ask(stage, number=2)

    first, hit = rulings(stage)
    (key,) = stage.shelf.answers
    assert (first.outcome, first.fresh, first.decision.reason) == ("miss", key, "no neighbour")
    assert (hit.outcome, hit.fresh, hit.decision.entry, hit.given) == ("semantic", None, key, key)
    assert (hit.user, hit.entry_at, hit.namespace.verifier) == ("ada", NOW, "v1")
    assert "egg" not in repr(stage.shelf.told)


def test_the_judge_hears_which_stored_answers_say_the_same():
    stage = a_stage(serve=False)
    ask(stage, ASKED, number=1)
    ask(stage, number=2)

    first, second = rulings(stage)
    said = word_for(second.scope, stage.shelf.answers[first.fresh].completion.text)
    assert stage.meanings.judge.said == [[], [said]]


def test_a_turn_that_keeps_no_answer_leaves_its_decision_all_the_same():
    stage = a_stage()

    ask(stage, ASKED, number=1, cache=CacheControl(no_store=True))

    (ruling,) = rulings(stage)
    assert (ruling.fresh, stage.shelf.answers) == (None, {})


@pytest.mark.parametrize("control", [CacheControl(no_cache=True), CacheControl(no_cache=True, no_store=True)])
def test_who_does_not_look_leaves_none(control):
    stage = a_stage()

    ask(stage, ASKED, number=1, cache=control)

    assert rulings(stage) == []


def test_an_exact_hit_leaves_none():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    ask(stage, ASKED, number=2)

    assert len(rulings(stage)) == 1


def test_a_decision_that_cannot_be_kept_costs_nothing_else(monkeypatch):
    stage = a_stage()
    ask(stage, ASKED, number=1)
    monkeypatch.setattr(type(stage.decisions), "put", failing(StoreUnavailable("down")))

    assert ask(stage, number=2).head.cache == "semantic"


@pytest.mark.parametrize(
    ("drawn", "rate", "outcome"),
    [
        (0.04, 0.05, "miss"),
        (0.05, 0.05, "semantic"),
        (0.24, 0.25, "miss"),
        (0.0, 0.0, "semantic"),
    ],
)
def test_a_share_of_hits_is_asked_of_the_model(drawn, rate, outcome):
    stage = a_stage(cache=CacheRules(check_rate=rate))
    ask(stage, ASKED, number=1)
    stage.drawn = drawn

    again = ask(stage, number=2)

    *_, ruling = rulings(stage)
    assert again.head.cache == outcome
    assert ruling.checked == (outcome == "miss")
    assert (ruling.fresh in stage.shelf.answers) == ruling.checked


def test_in_shadow_every_look_keeps_both_answers():
    stage = a_stage(mode="shadow")
    ask(stage, ASKED, number=1)
    ask(stage, number=2)

    *_, ruling = rulings(stage)
    assert {ruling.fresh, ruling.decision.entry} == set(stage.shelf.answers)
    assert (ruling.checked, ruling.mode) == (False, "shadow")


def test_a_pair_that_was_wrong_is_not_served_again_however_often_the_other_is_asked():
    stage = a_stage()
    ask(stage, ASKED, number=1)
    ask(stage, number=2)
    say(stage, 2, correct=False)
    assert (stage.shelf.answers, stage.vectors.health().entries) == ({}, 0)

    assert ask(stage, ASKED, number=3).head.cache == "miss"
    assert ask(stage, number=4).head.cache == "miss"

    assert stage.meter.reports[-1].judged == "corrected"


def test_feedback_on_what_is_not_there_is_not_found():
    stage = a_stage()
    ask(stage, ASKED, number=1)

    for owner, number in ((a_principal(user="bob"), 1), (a_principal("evil"), 1), (a_principal(), 7)):
        with pytest.raises(NotFound):
            stage.services.review.feedback(owner, Word(f"{number:032x}", correct=False), call_id="c", now=NOW)
    assert stage.shelf.answers


def test_the_fit_that_was_learned_reaches_the_judge_and_is_read_once_a_minute():
    stage, heard = a_stage(), []
    fit, later = (Calibration((weight,) * TERMS, ((1.0,),), 0.7) for weight in (1.0, 2.0))
    namespace = stage.services.gate.fits.namespace(stage.credential.tenant_tag)
    judge = stage.meanings.judge.judge
    stage.meanings.judge.judge = lambda question, near, fit, knobs: (
        heard.append(fit) or judge(question, near, fit, knobs)
    )

    for number, (known, at) in enumerate([(None, 0), (fit, 30), (fit, 61), (later, 90), (later, 122)], start=1):
        stage.shelf.namespaces[namespace] = Course(known)
        ask(stage, f"Why is the sky blue at level {number}?", number=number, now=NOW + at)

    assert heard == [None, None, fit, fit, later]
