"""How targets are chosen, compared in virtual time through the product's own pool, breakers and quotas.

`make bench` runs it; `.venv/bin/python -m benchmarks.routing [seed]` does alone: one JSON object a line.
"""

import random
import sys
from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Final

from benchmarks.figures import Figures, Row, quantile, rounded
from benchmarks.routing_choices import CHOICES, Choice
from benchmarks.routing_crowd import DEADLINE_SECONDS, Crowd
from benchmarks.routing_scenes import SCENES, Scene, job
from benchmarks.routing_servers import Agenda, Server
from chalicelib.domain.catalogue import Model

START: Final = 1_780_000_020.0  # the beginning of a minute
ROUNDS: Final = 2
SHAPES: Final = {"one process": False, "processes with one call each": True}


def play(scene: Scene, choice: Choice, seed: int, *, one_at_a_time: bool) -> Crowd:
    """One run; the same seed brings the same callers, whatever is chosen."""
    agenda, arrivals = Agenda(START), random.Random(seed)
    servers = [Server(make, agenda, random.Random(seed + place)) for place, make in enumerate(scene.makes)]
    targets = tuple(make.target(place) for place, make in enumerate(scene.makes))
    model = Model("pool", targets, max_output_tokens=4_096)
    crowd = Crowd(model, servers, choice, agenda, random.Random(seed), one_at_a_time)

    def arrive() -> None:
        ran = agenda.now - START
        rate = scene.capacity * scene.share(ran)
        if rate:
            crowd.turn(job(arrivals))
            agenda.after(arrivals.expovariate(rate), arrive)

    agenda.after(0.0, arrive)
    agenda.run()
    return crowd


def row(scene: Scene, choice: Choice, shape: str, seeds: Sequence[int]) -> Row:
    """The rounds of one cell: times over all turns, where one that got no answer counts as the deadline."""
    runs = [play(scene, choice, seed, one_at_a_time=SHAPES[shape]) for seed in seeds]
    tallies = [run.tally for run in runs]
    offered = sum(each.offered for each in tallies)
    took = [seconds for each in tallies for seconds in each.took]
    throttles = sum(server.throttles for run in runs for server in run.servers)
    ends = Counter(outcome for each in tallies for _, outcome in each.turns)
    return {
        "scene": scene.name,
        "shape": shape,
        "choice": choice.name,
        "turns": offered,
        "processes": rounded(median(run.started for run in runs)),
        "answered": rounded(len(took) / offered),
        "p50_s": quantile(took, 0.5),
        "p99_s": quantile(took, 0.99),
        "p99_all_s": quantile([*took, *[DEADLINE_SECONDS] * (offered - len(took))], 0.99),
        "throttles": rounded(throttles / offered),
        "retries": rounded(sum(each.retries for each in tallies) / offered),
        **{outcome: ends[outcome] for outcome in ("failed", "cut", "saturated")},
    }


def measure(seed: int, figures: Figures) -> None:
    """Every choice in every scene, for both shapes of processes, in one run."""
    for scene in SCENES:
        for shape in SHAPES:
            for choice in CHOICES:
                seeds = [seed + 1_000 * number for number in range(ROUNDS)]
                figures.add("routing", **row(scene, choice, shape, seeds))


def main(seed: int = 20_260_401) -> None:
    """The simulation alone."""
    measure(seed, Figures(sys.stdout))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
