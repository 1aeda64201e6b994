"""`make bench-peers`: the gateways beside each other, one JSON object a line, and their part of docs/benchmarks.md."""

import argparse
import tempfile
from pathlib import Path
from typing import Final

from benchmarks import page
from benchmarks.asked import length, rounds
from benchmarks.figures import Figures, claim_stdout, rounded
from benchmarks.peers.cells import Plan, cells, measure, warm
from benchmarks.peers.gateways import FLOOR, Gateway, gateways, model
from benchmarks.peers.installs import Installed, install
from benchmarks.peers.page import peers_tables
from benchmarks.processes import resident_mb
from benchmarks.stoppable import stoppable

SEED: Final = 20_261_122
BEGIN: Final = "<!-- figures: `make bench-peers` writes what follows -->"
END: Final = "<!-- end of the peers' figures -->"


def main() -> None:
    """Measure all of them, and write the page only when every answer was right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=rounds, default=5)
    parser.add_argument("--seconds", type=length, default=2.0)
    asked = parser.parse_args()
    figures, installed = Figures(claim_stdout()), install()
    figures.begin(SEED)
    with (
        tempfile.TemporaryDirectory(prefix="tidegate-peers-") as folder,
        model() as direct,
        gateways(direct.port, installed, Path(folder)) as running,
    ):
        every = cells(direct, running)
        warm(every)
        before = {gateway.name: _memory(gateway) for gateway in running}
        measure(every, Plan(asked.rounds, asked.seconds, SEED), direct.answered, figures)
        for gateway in running:
            if gateway.name != FLOOR:  # no product: nobody installs or starts it
                _rest(gateway, before[gateway.name], installed, figures)
    page.replace_between(BEGIN, END, peers_tables(figures))


def _rest(gateway: Gateway, before: float, installed: Installed, figures: Figures) -> None:
    figures.add(
        "peers_rest",
        gateway=gateway.name,
        started_s=rounded(gateway.started_s),
        before_mb=before,
        after_mb=_memory(gateway),
        disk_mb=installed.sizes[gateway.name.partition(",")[0]],
    )


def _memory(gateway: Gateway) -> float:
    return rounded(sum(resident_mb(pid) for pid in gateway.pids))


if __name__ == "__main__":
    stoppable()
    main()
