"""Reads and writes what training made: the forest, the vocabulary and the prior of the calibration, in one file."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from chalicelib.adapters.verifier.version import WEIGHTS
from chalicelib.domain.semantic.calibration import Prior
from chalicelib.domain.semantic.features import WordVectors
from chalicelib.domain.semantic.forest import Forest
from chalicelib.domain.semantic.verifier import Verifier
from chalicelib.domain.semantic.vocabulary import Vocabulary


class Trained(NamedTuple):
    """All that training makes."""

    forest: Forest
    vocabulary: npt.NDArray[np.uint8]
    prior: Prior


@cache
def load(path: Path = WEIGHTS) -> Trained:
    """What was written to `path`, read once."""
    with np.load(path, allow_pickle=False) as stored:
        forest = Forest(
            feature=stored["feature"],
            threshold=stored["threshold"],
            left=stored["left"],
            value=stored["value"],
            roots=stored["roots"],
            depth=int(stored["depth"]),
            baseline=float(stored["baseline"]),
        )
        prior = Prior(
            weights=tuple(stored["prior_weights"].tolist()),
            precision=tuple(tuple(row) for row in stored["prior_precision"].tolist()),
            threshold=float(stored["prior_threshold"]),
        )
        return Trained(forest, stored["vocabulary"], prior)


def dump(trained: Trained) -> bytes:
    """The file for `trained`; the same bytes for the same values."""
    forest, prior = trained.forest, trained.prior
    file = io.BytesIO()
    np.savez_compressed(
        file,
        feature=forest.feature,
        threshold=forest.threshold,
        left=forest.left,
        value=forest.value,
        roots=forest.roots,
        depth=np.array(forest.depth),
        baseline=np.array(forest.baseline),
        vocabulary=trained.vocabulary,
        prior_weights=np.array(prior.weights),
        prior_precision=np.array(prior.precision),
        prior_threshold=np.array(prior.threshold),
    )
    return file.getvalue()


def open_verifier(vectors: WordVectors, path: Path = WEIGHTS) -> Verifier:
    """The judge, with `vectors` for its words."""
    trained = load(path)
    return Verifier(trained.forest, Vocabulary(trained.vocabulary), vectors)
