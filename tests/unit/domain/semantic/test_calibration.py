import math
import random

import msgspec
import numpy as np
import pytest

from chalicelib.adapters.verifier.weights import load
from chalicelib.domain.semantic import calibration as calibrating
from chalicelib.domain.semantic.calibration import (
    FEWEST_REQUESTS,
    Prior,
    chances,
    drawn,
    fitted,
    held,
    refitted,
    seen,
    taught,
    untaught,
)
from chalicelib.domain.verdicts import TERMS, Bound, Calibration, Evidence, Label

LOOSE = tuple(tuple(row) for row in (np.eye(4) * 0.1).tolist())
PRIOR = Prior((0.0, 1.0, 0.0, 0.0), LOOSE, 0.8)


def candidates(count, seed=1):
    rng = random.Random(seed)
    return [Evidence(rng.uniform(-4, 4), rng.uniform(0.4, 1)) for _ in range(count)]


def labels(count, margin, seed=1):
    """Candidates that are right with the chance that `margin` of the log odds gives."""
    rng = random.Random(seed)
    return [Label(each, rng.random() < 1 / (1 + math.exp(-margin(each)))) for each in candidates(count, seed)]


def lived(margin, bound, count=1_500):
    calibration = untaught(PRIOR)
    for label in labels(count, margin):
        calibration = refitted(taught(seen(calibration, label.evidence), label), PRIOR, bound)
    return calibration


def test_a_namespace_starts_with_the_prior():
    calibration = untaught(PRIOR)

    chance, lower = chances(calibration, [Evidence(2.0, 0.9)])

    assert chance[0] == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert lower[0] < chance[0]
    assert calibration.threshold == PRIOR.threshold


def test_labels_bring_the_fit_to_what_is_true_in_the_namespace():
    fit = fitted(labels(2_000, lambda each: 2 * each.logit - 1), PRIOR)

    chance, lower = chances(
        Calibration(tuple(fit.weights), tuple(map(tuple, fit.covariance)), 0.8),
        [Evidence(0.5, 0.7), Evidence(1.5, 0.7)],
    )

    assert chance == pytest.approx([0.5, 0.88], abs=0.06)
    assert (chance - lower < 0.1).all()


def test_the_fit_is_where_the_loss_is_least_however_the_labels_are_parted():
    perfectly_parted = [Label(Evidence(logit, 0.9), logit > 0) for logit in np.linspace(-40, 40, 200).tolist()]

    fit = fitted(perfectly_parted, PRIOR)

    inputs = np.array([[1, label.evidence.logit, 0.9, 0.81, 0, 0] for label in perfectly_parted])
    miss = 1 / (1 + np.exp(-inputs @ fit.weights)) - np.array([label.right for label in perfectly_parted])
    mean, precision = held(PRIOR)
    slope = inputs.T @ miss + precision @ (fit.weights - mean)
    assert np.abs(slope).max() < 0.01


@pytest.mark.parametrize("max_error", [0.01, 0.03])
def test_the_line_keeps_errors_within_the_bound_of_requests_and_near_it(max_error):
    truth = lambda each: 2 * each.logit  # noqa: E731 - the simplest way to say it
    calibration = lived(truth, Bound(max_error))
    fresh = labels(20_000, truth, seed=9)

    _, lower = chances(calibration, [label.evidence for label in fresh])

    served = lower >= calibration.threshold
    wrong = served & np.array([not label.right for label in fresh])
    assert max_error / 4 <= wrong.mean() <= max_error * 1.25


def test_a_namespace_whose_errors_fall_with_the_cosine_as_in_no_pair_of_training_is_learned():
    steep = lambda each: 3 * each.logit + 20 * (each.cosine - 0.75)  # noqa: E731
    fit = fitted(labels(2_000, steep), load().prior)

    slope = fit.weights[2] + 2 * 0.75 * fit.weights[3]

    assert slope == pytest.approx(20, rel=0.2)


@pytest.mark.parametrize("other", ["runner_up", "seconded"])
def test_what_another_candidate_says_is_learned(other):
    alone = [Evidence(each.logit, each.cosine) for each in candidates(2_000)]
    rng = random.Random(4)
    found = [msgspec.structs.replace(each, **{other: each.logit - 5}) for each in alone]
    told = [
        Label(each, rng.random() < 1 / (1 + math.exp(-each.logit - spoken)))
        for each, spoken in [*((one, 2.0) for one in found), *((one, -2.0) for one in alone)]
    ]
    fit = fitted(told, PRIOR)
    calibration = Calibration(tuple(fit.weights), tuple(map(tuple, fit.covariance)), 0.8)

    beside = msgspec.structs.replace(Evidence(1.0, 0.7), **{other: 0.0})
    chance, _ = chances(calibration, [beside, Evidence(1.0, 0.7)])

    assert chance[0] > chance[1] + 0.2


def test_the_line_leaves_room_for_what_few_labels_do_not_tell():
    few, many = (
        drawn(lived(lambda each: 2 * each.logit, Bound(0.02), count=count)) for count in (FEWEST_REQUESTS, 1_500)
    )

    rooms = [
        calibration.lines[-1].of_hits / expected(calibration, calibration.lines[-1]) for calibration in (few, many)
    ]

    assert rooms[0] > rooms[1] > 1


def expected(calibration, line):
    recent = [each for each in calibration.requests if each is not None]
    recent = recent[-max(FEWEST_REQUESTS, len(recent) // 2) :]
    chance, lower = chances(calibration, recent)
    surprise = calibrating._surprise(calibration, fit_of(calibration))
    return (1 - chance[lower >= line.threshold]).mean() * surprise


def test_a_fit_that_another_release_made_with_other_terms_is_not_read():
    stored = msgspec.msgpack.encode({"weights": (1.0,) * 4, "covariance": (), "threshold": 0.8})

    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(stored, type=Calibration)


def test_a_bound_on_hits_is_stricter_than_one_on_requests():
    of_requests = lived(lambda each: 2 * each.logit, Bound(0.02))
    of_hits = lived(lambda each: 2 * each.logit, Bound(0.02, of_hits=True))

    assert of_hits.threshold > of_requests.threshold


def test_nothing_is_served_where_every_candidate_turns_out_wrong():
    calibration = lived(lambda _: -20.0, Bound(0.01))

    _, lower = chances(calibration, candidates(500, seed=3))

    assert not (lower >= calibration.threshold).any()


def test_nothing_less_sure_than_the_least_is_served_however_much_a_bound_allows():
    assert lived(lambda each: each.logit, Bound(1.0)).threshold >= calibrating.LEAST_SURE


def test_nothing_that_the_verifier_thinks_wrong_is_served_whatever_was_learned():
    calibration = lived(lambda _: 6.0, Bound(0.5))
    doubted, believed = (Evidence(calibrating.LEAST_LOGIT + by, 0.9) for by in (-0.1, 0.1))

    _, lower = chances(calibration, [doubted, believed])

    assert lower[0] == 0
    assert lower[1] >= calibration.threshold


def test_only_recent_labels_and_requests_are_remembered(monkeypatch):
    monkeypatch.setattr(calibrating, "MOST_LABELS", 3)
    monkeypatch.setattr(calibrating, "MOST_REQUESTS", 2)
    calibration = untaught(PRIOR)

    for label in labels(5, lambda each: each.logit):
        calibration = taught(seen(calibration, label.evidence), label)

    assert calibration.labels == tuple(labels(5, lambda each: each.logit)[-3:])
    assert calibration.requests == tuple(label.evidence for label in calibration.labels[-2:])


def test_a_calibration_survives_being_stored():
    calibration = lived(lambda each: each.logit, Bound(0.05), count=300)

    stored = msgspec.msgpack.encode(calibration)

    assert msgspec.msgpack.decode(stored, type=Calibration) == calibration


@pytest.mark.parametrize("bound", [Bound(0.0), Bound(0.005), Bound(0.02), Bound(0.02, of_hits=True), Bound(1.0)])
def test_a_bound_that_chooses_among_the_lines_draws_what_it_would_have_drawn_alone(bound):
    calibration = lived(lambda each: 2 * each.logit, Bound(0.01))
    alone = calibrating._line(calibration, fit_of(calibration), PRIOR, bound)

    chosen = drawn(calibration).line(bound)

    assert chosen >= alone
    assert chosen == pytest.approx(alone, abs=0.03)


def fit_of(calibration):
    return calibrating.Fit(np.array(calibration.weights), np.array(calibration.covariance))


def test_lines_are_few_and_none_is_lower_than_the_least_sure():
    lines = drawn(lived(lambda each: 2 * each.logit, Bound(0.01))).lines

    assert 1 < len(lines) <= calibrating.MOST_LINES
    assert [line.threshold for line in lines] == sorted((line.threshold for line in lines), reverse=True)
    assert lines[-1].threshold >= calibrating.LEAST_SURE


def test_there_is_no_line_to_choose_before_requests_came():
    calibration = drawn(untaught(PRIOR))

    assert calibration.lines == ()
    assert calibration.line(Bound(0.5)) == PRIOR.threshold


def test_before_anything_was_learned_a_smaller_bound_draws_a_higher_line():
    shipped = Calibration((0.0,) * TERMS, ((1.0,),), 0.6)

    lines = [shipped.line(Bound(error)) for error in (0.5, 0.01, 0.005, 0.001, 0.0)]

    assert lines[:2] == [0.6, 0.6]
    assert lines == sorted(lines)
    assert lines[-1] > 1
