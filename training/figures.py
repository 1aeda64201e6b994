"""What the pairs held out say of a verifier: one line for each kind of data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from chalicelib.adapters.verifier.weights import Trained
from chalicelib.domain.semantic.calibration import chances, untaught
from chalicelib.domain.verdicts import Evidence
from training.labelled import Pair
from training.laying import Laid

_VETOED: Final = -1.0
_SERVED_VARIANTS: Final = 0.8
_SERVED_GOLD: Final = 0.6


def figures(pairs: Sequence[Pair], laid: Laid, trained: Trained) -> Iterator[dict[str, Any]]:
    """AUC of each source, with and without guards; precision on gold; how much of each kind of trap is served."""
    logits = trained.forest.logits(laid.rows.astype(np.float64))
    evidence = [Evidence(logit, float(row[0])) for logit, row in zip(logits.tolist(), laid.rows, strict=True)]
    _, lower = chances(untaught(trained.prior), evidence)
    vetoed = np.array([guard is not None for guard in laid.guards])
    scores = np.where(vetoed, _VETOED, lower)
    sources = np.array([pair.source for pair in pairs])
    for source in sorted(set(sources.tolist())):
        of = sources == source
        right = laid.labels[of]
        yield {
            "held_out": source,
            "pairs": int(of.sum()),
            "auc": auc(scores[of], right),
            "auc_no_guard": auc(lower[of], right),
            "auc_cosine": auc(laid.rows[of, 0], right),
            "served": share(scores[of] >= trained.prior.threshold),
        }
    gold = sources == "gold"
    yield {"gold_precision_at_60": precision(scores[gold], laid.labels[gold], _SERVED_GOLD),
           "cosine": precision(laid.rows[gold, 0], laid.labels[gold], _SERVED_GOLD)}  # fmt: skip
    of = sources == "perturb"
    lines = {"shipped": trained.prior.threshold,
             "at_80": float(np.quantile(scores[of & (laid.labels == 1)], 1 - _SERVED_VARIANTS))}  # fmt: skip
    kinds = np.array([pair.category for pair in pairs])
    for kind in sorted(set(kinds[of].tolist())):
        here = scores[of & (kinds == kind)]
        yield {"perturb": kind, "pairs": len(here), **{name: share(here >= line) for name, line in lines.items()}}


def share(hits: npt.NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)


def auc(scores: npt.NDArray[Any], labels: npt.NDArray[np.intp]) -> float:
    """The chance that a right pair scores above a wrong one; ties count half."""
    order = np.sort(scores[labels == 0])
    right = scores[labels == 1]
    below = np.searchsorted(order, right, "left") + np.searchsorted(order, right, "right")
    return round(float(below.mean() / 2 / len(order)), 4)


def precision(scores: npt.NDArray[Any], labels: npt.NDArray[np.intp], recall: float) -> float:
    """The share of right ones among the best, taken until `recall` of all right ones are in."""
    right = np.cumsum(labels[np.argsort(-scores, kind="stable")])
    last = int(np.argmax(right >= recall * labels.sum()))
    return round(float(right[last] / (last + 1)), 4)
