import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.embedders.word_vectors import WordVectors
from chalicelib.adapters.verifier.weights import load, open_verifier
from chalicelib.domain.semantic.calibration import untaught
from chalicelib.domain.semantic.decision import decide
from chalicelib.domain.verdicts import ALONE, Candidate, Evidence, Knobs

VERIFIER = open_verifier(WordVectors())
UNTAUGHT = untaught(load().prior)


DEFAULTS = Knobs()


def judged(question, *stored, knobs=DEFAULTS):
    candidates = [Candidate(f"e{place}", *known) for place, known in enumerate(stored)]
    return decide(question, candidates, UNTAUGHT, knobs, VERIFIER)


def test_a_question_that_differs_in_politeness_alone_is_an_exact_hit():
    decision = judged("Could you please tell me what is a podcast?", ("What is a podcast?", 0.8))

    assert (decision.serve, decision.tier, decision.entry, decision.score) == (True, "exact", "e0", 1.0)


def test_a_paraphrase_is_served_with_all_that_explains_it():
    decision = judged("How can I learn to play the guitar?", ("How do I learn to play guitar?", 0.97))

    assert (decision.serve, decision.tier, decision.entry) == (True, "semantic", "e0")
    assert decision.threshold <= decision.lower < decision.score <= 1
    assert decision.similarity == 0.97


@pytest.mark.parametrize(
    "nearer", ["Which bike is worst for long rides?", "Which bike is best for long rides at night?"]
)
def test_the_surest_candidate_is_served_and_not_the_nearest(nearer):
    decision = judged("Which bike is best for long rides?", (nearer, 0.95), ("What bike is best for long rides?", 0.9))

    assert (decision.serve, decision.entry) == (True, "e1")


def test_the_evidence_says_how_well_the_best_of_the_others_fits_and_no_guarded_one_counts():
    asked, surest = "How can I learn to play the guitar?", ("How do I learn to play guitar?", 0.97)
    other, guarded = ("How should I start to learn guitar?", 0.9), ("How can I learn to play the violin?", 0.95)
    alone, beside, seen_alone = (judged(asked, *near).evidence for near in ((surest,), (surest, other), (other,)))

    assert alone.runner_up == judged(asked, surest, guarded).evidence.runner_up == ALONE
    assert beside == Evidence(alone.logit, alone.cosine, seen_alone.logit)


@pytest.mark.parametrize(("said", "seconds"), [("same", True), ("other", False), ("", False)])
def test_the_evidence_tells_another_with_the_same_answer_from_one_with_its_own(said, seconds):
    asked, surest = "How can I learn to play the guitar?", ("How do I learn to play guitar?", 0.97, "same")
    other = ("How should I start to learn guitar?", 0.9, said)
    seen_alone = judged(asked, other).evidence.logit

    evidence = judged(asked, surest, other).evidence

    assert (evidence.seconded, evidence.runner_up) == ((seen_alone, ALONE) if seconds else (ALONE, seen_alone))


def test_two_answers_of_which_nothing_is_known_do_not_second_each_other():
    asked, near = "How can I learn to play the guitar?", ("How do I learn to play guitar?", 0.97)

    evidence = judged(asked, near, ("How should I start to learn guitar?", 0.9)).evidence

    assert evidence.seconded == ALONE


def test_a_guard_is_named_where_it_decided():
    decision = judged("How do I cook rice for 4 people?", ("How do I cook rice for 40 people?", 0.99))

    assert (decision.serve, decision.tier, decision.reason, decision.guard) == (False, "miss", "guarded", "number")
    assert decision.score is None


def test_a_terms_own_guard_comes_from_the_namespace():
    knobs = Knobs(protected_terms=frozenset({"gold plan"}))

    decision = judged("How do I cancel the gold plan?", ("How do I cancel the plan?", 0.97), knobs=knobs)

    assert decision.guard == "protected_term"


def test_another_question_is_not_served():
    decision = judged("How do I bake bread?", ("How do I bake a cake for a wedding?", 0.7))

    assert (decision.serve, decision.reason) == (False, "not sure enough")
    assert decision.evidence is not None


@pytest.mark.parametrize("stored", [(), (("What is rust?", 0.1),)])
def test_without_a_near_neighbour_there_is_nothing_to_judge(stored):
    decision = judged("How do I bake bread?", *stored)

    assert (decision.serve, decision.reason, decision.evidence) == (False, "no neighbour", None)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_asked_the_verifier_judges_both_ways_alike(one, other):
    (there,) = VERIFIER.weigh(one, [Candidate("e", other, 0.9)], frozenset())
    (back,) = VERIFIER.weigh(other, [Candidate("e", one, 0.9)], frozenset())

    assert there.logit == pytest.approx(back.logit, abs=1e-4)
    assert there.guard == back.guard


def test_only_what_no_guard_forbids_is_weighed():
    looked_up = []

    def vectors(words):
        looked_up.append(words)
        return WordVectors()(words)

    allowed, forbidden = Candidate("e0", "Which shop sells wine?", 0.8), Candidate("e1", "Who sells 3 bottles?", 0.9)
    free, held = open_verifier(vectors).weigh("Which shop sells 2 bottles of wine?", [allowed, forbidden], frozenset())
    looked_up.clear()
    alone = open_verifier(vectors).weigh("Which shop sells 2 bottles of wine?", [forbidden], frozenset())

    assert (free.guard, held.guard, held.logit, alone, looked_up) == (None, "number", -math.inf, [held], [])
    assert free == VERIFIER.weigh("Which shop sells 2 bottles of wine?", [allowed], frozenset())[0]


@pytest.mark.parametrize(("rate", "chance", "share"), [(0.05, 0.96, 0.05), (0.05, 0.75, 0.125), (1.0, 0.99, 1.0),
                                                       (0.0, 0.5, 0.0), (0.05, None, 0.05)])  # fmt: skip
def test_the_less_sure_a_hit_is_the_more_often_it_is_checked(rate, chance, share):
    assert Knobs(check_rate=rate).share_checked(chance) == pytest.approx(share)
