"""`make bench`: every benchmark over one running product, one JSON object a line."""

import os
from typing import Final

from benchmarks import lane, page, routing
from benchmarks.figures import Figures, claim_stdout
from benchmarks.product import running
from benchmarks.stoppable import stoppable

SEED: Final = 20_260_401


def main() -> None:
    """Measure all of it, and write the page only when every figure is true."""
    figures = Figures(claim_stdout())
    figures.begin(SEED)
    with running() as product:
        os.environ.update(product.environment)  # before what follows, which may read it when it is imported
        from benchmarks import http_view, lambda_view, ledger, start_view

        start_view.measure(product.key, figures)
        lambda_view.measure(product.key, SEED, figures)
        http_view.measure(product, SEED, figures)
        ledger.measure(SEED, figures, product.emulator)
    routing.measure(SEED, figures)
    lane.measure(SEED, figures)
    page.write(figures)


if __name__ == "__main__":
    stoppable()
    main()
