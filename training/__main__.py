"""`python -m training FOLDER [OUT]`: trains the verifier on the pairs in FOLDER, and prints what those held out say."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path
from typing import Final

from chalicelib.adapters.verifier.version import WEIGHTS
from chalicelib.adapters.verifier.weights import Trained, dump
from chalicelib.domain.semantic.vocabulary import Vocabulary
from training import fitting, traps
from training.counting import count
from training.figures import figures
from training.labelled import SHARES, load, split
from training.laying import lay
from training.prior import prior_of

MADE_FROM: Final = 12_000  # questions, of which traps and paraphrases are made
SAMPLED: Final = 40


def main() -> None:
    """Write the weights, and some rows with the trainer's own scores for the test that compares the two."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=WEIGHTS)
    parser.add_argument("--sample", type=Path, help="where to write rows and the trainer's scores for them")
    given = parser.parse_args()
    pairs, kept = split(load(given.folder))
    questions = sorted({text for pair in pairs if pair.source == "qqp" for text in (pair.one, pair.other)})
    table = count(questions, (text for pair in pairs for text in (pair.one, pair.other)))
    rng = random.Random(fitting.SEED)
    rng.shuffle(questions)
    pairs += traps.made(questions[:MADE_FROM], rng)
    seen, held = lay(pairs, Vocabulary(table)), lay(kept, Vocabulary(table))
    trees = fitting.fit(seen.rows, seen.labels, [SHARES[pair.source] for pair in pairs])
    forest = fitting.exported(trees)
    made = Trained(forest, table, prior_of(held, forest))
    given.out.write_bytes(dump(made))
    if given.sample:
        rows = held.rows[:: len(held.rows) // SAMPLED]
        sample = {"rows": rows.tolist(), "logits": trees.decision_function(rows).tolist()}
        given.sample.write_text(json.dumps(sample) + "\n")
    for line in figures(kept, held, made):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
