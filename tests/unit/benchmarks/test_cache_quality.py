"""The benchmark of the semantic cache: what it prints, and what it makes of rows that say little."""

import json

import numpy as np
import pytest

from benchmarks import cache_quality as bench
from benchmarks import cache_quality_cache
from benchmarks.cache_quality_plot import svg
from benchmarks.cache_quality_rules import Fixed, PerEntry, played
from chalicelib.domain.verdicts import ALONE, Bound

EGG, EGGS, TIDE = "How do I boil an egg?", "What is the way to boil eggs?", "Why are there tides in the sea?"


def a_file(folder, *rows):
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def a_pair(one, other):
    return {"id": "p", "q1": one, "q2": other}


@pytest.mark.parametrize(
    ("one", "other", "tier", "serve", "guard"),
    [
        (EGG, "how do I boil an egg", "exact", True, None),
        (EGG, "How can I boil an egg?", "semantic", True, None),
        (EGG, TIDE, "miss", False, None),
        ("How do I sign in?", "How do I sign out?", "miss", False, "opposite"),
        ("", "", "exact", True, None),
        ("🙂", "🙃", "miss", False, "not compared"),
        ("word " * 200_000, "words " * 200_000, "miss", False, "not compared"),
    ],
)
def test_a_pair_is_judged_as_the_product_would(tmp_path, one, other, tier, serve, guard):
    (told,) = bench.judged(a_file(tmp_path, a_pair(one, other)))

    assert (told["id"], told["tier"], told["serve"], told["guard"]) == ("p", tier, serve, guard)
    assert (told["score"] is None) == (guard is not None)


def test_a_stream_is_counted(tmp_path):
    rows = [{"id": "1", "text": EGG, "cluster": 7}, {"id": "2", "text": EGG, "cluster": 7},
            {"id": "3", "text": TIDE, "cluster": 8}, {"id": "4", "text": EGG, "cluster": 9}]  # fmt: skip

    told = bench.played(a_file(tmp_path, *rows), 0.01)

    assert {**told, "seconds": 0} == {"requests": 4, "hits": 2, "wrong": 1, "seconds": 0}


def test_an_answer_in_other_words_is_right_all_the_same(tmp_path):
    rows = [{"text": EGG, "cluster": 7}, {"text": EGG, "cluster": 7}, {"text": EGG, "cluster": 8}]

    told = bench.played(a_file(tmp_path, *rows), 0.01, reworded=True)

    assert (told["hits"], told["wrong"]) == (2, 1)


@pytest.mark.parametrize(
    ("answers", "seconds"),
    [(("egg", "egg"), True), (("egg", "tide"), False), (("egg\n1", "egg\n2"), False)],
)
def test_it_reaches_the_judge_that_two_stored_questions_have_one_answer(answers, seconds):
    turns = cache_quality_cache.Turns(Bound(), cache_quality_cache.shared(), checks=False)
    for question, answer in zip((EGG, "Which pot is best for boiling eggs?"), answers, strict=True):
        turns.answer(*turns.lookup(question), answer)

    _, seen = turns.lookup(EGGS)

    evidence = seen.ruling.decision.evidence
    assert (evidence.seconded > ALONE, evidence.runner_up > ALONE) == (seconds, not seconds)


def test_a_stream_is_played_once_for_each_seed(tmp_path):
    rows = [{"text": EGG, "cluster": 7}, {"text": EGG, "cluster": 8}]

    *each, hits, wrong = bench.drawn_anew(a_file(tmp_path, *rows), 0.01, seeds=2)

    assert [(told["seed"], told["hits"], told["wrong"]) for told in each] == [(0, 1, 1), (1, 1, 1)]
    assert hits == {"share": "hits", "mean": 0.5, "least": 0.5, "most": 0.5}
    assert wrong == {**hits, "share": "wrong"}


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"text": 1, "cluster": 2}', '{"text": "a"}'])
def test_a_row_that_says_nothing_is_one_clear_error(tmp_path, line):
    file = tmp_path / "rows.jsonl"
    file.write_text(f"\n{line}\n")

    with pytest.raises(bench.BadRow, match=r"rows\.jsonl, line 2: no|is no text"):
        bench.played(file, 0.01)


VECTORS = np.array([[1, 0], [1, 0], [0, 1], [0.8, 0.6]], np.float32)
ROWS = [("What is a", "a"), ("What is it a", "a"), ("What is b", "b"), ("What is c", "c")]


def test_a_fixed_cosine_serves_the_nearest_from_there_on():
    strict, loose = played(VECTORS, ROWS, [Fixed(0.9), Fixed(0.5)])

    assert (strict, loose) == ((4, 1, 0), (4, 2, 1))


def test_the_rule_of_each_entry_serves_only_what_was_compared_often():
    rule = PerEntry(0.05)
    for _ in range(200):
        rule.learn(0, 0.95, right=True)
        rule.learn(0, 0.55, right=False)
    served = sum(rule.serves(0, 0.95) for _ in range(1_000))

    assert served > 500
    assert sum(rule.serves(0, 0.5) for _ in range(1_000)) < 100
    assert not rule.serves(1, 0.99)


def test_the_picture_has_a_panel_for_each_stream():
    point = {"rule": "ours", "hits": 0.3, "wrong": 0.01}

    drawn = svg([{"stream": "one", **point}, {"stream": "a < b", **point}])

    assert drawn.count("<circle") == 2
    assert "a &lt; b" in drawn
