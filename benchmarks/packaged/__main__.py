"""`make bench-lambda`: the packaged functions, one JSON object a line, and their part of docs/benchmarks.md."""

import argparse
import os
from contextlib import ExitStack
from typing import Final

from benchmarks.asked import rounds
from benchmarks.environments import ROOT, python_of
from benchmarks.figures import Figures, claim_stdout
from benchmarks.packaged.package import Package, packaged
from benchmarks.packaged.wire import watched
from benchmarks.page import replace_between
from benchmarks.product import Product, running
from benchmarks.stoppable import stoppable
from infra.plan import prices as price_list

SEED: Final = 20_261_122
BEGIN: Final = "<!-- figures: `make bench-lambda` writes what follows -->"
END: Final = "<!-- end of the packaged functions' figures -->"


def main() -> None:
    """Measure, and write the page only when every answer was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=5)
    parser.add_argument("--events", type=rounds, default=20)
    asked = parser.parse_args()
    python, figures = python_of("peers-runtime"), Figures(claim_stdout())
    if python is None:
        raise SystemExit("make bench-lambda: AWS's runtime client could not be installed; what was said is above")
    package = packaged(ROOT / "build" / "packaged")
    figures.begin(SEED)
    figures.add("plan", rounds=asked.rounds, events=asked.events)
    with running() as product:
        os.environ.update(product.environment)  # before what follows, which may read it when it is imported
        measured(product, package, python, (asked.rounds, asked.events), figures)
    from benchmarks.packaged.page import packaged_tables

    replace_between(BEGIN, END, packaged_tables(figures, price_list.read()))


def measured(product: Product, package: Package, python: str, times: tuple[int, int], figures: Figures) -> None:
    """Rounds of so many events each, over a running product."""
    from benchmarks.packaged.measure import Rounds, cold, warm
    from benchmarks.packaged.stage import Stage

    rounds, events = times
    with ExitStack() as stack:
        wire = stack.enter_context(watched(product.environment["AWS_ENDPOINT_URL"]))
        stage, plan = Stage(product, package, wire, python, stack), Rounds(rounds, events, SEED)
        cold(package, stage, plan, python, figures)
        warm(stage, plan, figures)


if __name__ == "__main__":
    stoppable()
    main()
