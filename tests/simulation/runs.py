"""Many seeds, counted: in this process or in one for each core."""

import gc
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

from tests.simulation.audit import Violation
from tests.simulation.mutants import LEDGERS
from tests.simulation.seeds import play

CHUNK = 5_000
COLLECTED = 1_000  # seeds between two collections of garbage: the collector's own timing costs a tenth


@dataclass
class Tally:
    """What happened in some seeds; `violations` are pairs of seed and message."""

    seeds: int = 0
    steps: int = 0
    seen: Counter = field(default_factory=Counter)
    violations: list = field(default_factory=list)

    def add(self, other):
        self.seeds += other.seeds
        self.steps += other.steps
        self.seen.update(other.seen)
        self.violations += other.violations


def run(first, count, ledger="ledger", *, until_caught=False):
    """Seeds from `first` on, one after the other; `until_caught` ends with the first violation."""
    tally = Tally()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for seed in range(first, first + count):
            _play(seed, ledger, tally)
            if until_caught and tally.violations:
                break
            if seed % COLLECTED == 0:
                gc.collect()
    finally:
        gc.enable()
        gc.unfreeze()
    return tally


def run_in_processes(first, count):
    """The same seeds, spread over the machine's cores."""
    starts = range(first, first + count, CHUNK)
    sizes = [min(CHUNK, first + count - start) for start in starts]
    tally = Tally()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for each in pool.map(run, starts, sizes):
            tally.add(each)
    tally.violations.sort()
    return tally


def told(seed, ledger="ledger"):
    """One seed's trace, a line for each event, and the violation it ends in, or None."""
    story, fault = [], None
    try:
        play(seed, make_turns=LEDGERS[ledger], story=story)
    except Violation as violation:
        fault = str(violation)
    start = story[0][0] if story else 0.0
    return [f"{at - start:8.1f} s  {name:8}{text}" for at, name, text in story], fault


def _play(seed, ledger, tally):
    tally.seeds += 1
    try:
        world = play(seed, make_turns=LEDGERS[ledger])
    except Violation as violation:
        tally.violations.append((seed, str(violation)))
    except Exception as fault:
        fault.add_note(f"in seed {seed}")
        raise
    else:
        tally.steps += world.steps
        tally.seen.update(world.seen)
