import json
from pathlib import Path

import numpy as np
import pytest

from chalicelib.adapters.verifier.weights import Trained, dump, load
from chalicelib.domain.semantic import features
from chalicelib.domain.semantic.calibration import Prior
from chalicelib.domain.semantic.forest import Forest

SAMPLE = Path(__file__).with_name("trained_rows.json")
STUMP = Forest(
    feature=np.array([1, 0, 0], np.uint8),
    threshold=np.array([0.5, 0, 0], np.float32),
    left=np.array([1, 1, 2], np.int16),
    value=np.array([0, -1.5, 2.5], np.float32),
    roots=np.array([0], np.int16),
    depth=1,
    baseline=0.25,
)


def test_a_value_at_the_threshold_goes_left_and_one_above_it_right():
    logits = STUMP.logits(np.array([[9, 0.5], [9, 0.51], [9, -3]]))

    assert logits == pytest.approx([-1.25, 2.75, -1.25])


def test_the_shipped_forest_scores_rows_as_the_trainer_did():
    sample = json.loads(SAMPLE.read_text())

    logits = load().forest.logits(np.array(sample["rows"]))

    assert np.abs(logits - sample["logits"]).max() < 1e-6
    assert len(sample["rows"][0]) == len(features.NAMES)


def test_what_is_written_is_what_is_read(tmp_path):
    prior = Prior((1.0, 2.0, 3.0, 4.0), ((1.0, 0.0, 0.0, 0.0),) * 4, 0.7)
    path = tmp_path / "verifier.npz"

    path.write_bytes(dump(Trained(STUMP, np.arange(5, dtype=np.uint8), prior)))

    read = load(path)
    assert read.prior == prior
    assert read.vocabulary.tolist() == [0, 1, 2, 3, 4]
    assert read.forest.logits(np.array([[0.0, 1.0]])) == pytest.approx([2.75])


def test_the_shipped_file_is_small():
    forest = load().forest

    arrays = (forest.feature, forest.threshold, forest.left, forest.value, forest.roots)
    assert sum(array.nbytes for array in arrays) <= 200_000
