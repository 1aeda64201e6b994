"""`make simulate`: seeds by the thousand, or one of them told step by step."""

import argparse
import sys
import time

from tests.simulation.mutants import LEDGERS, MUTANTS
from tests.simulation.runs import run, run_in_processes, told

MUTANT_SEEDS = 2_000


def main():
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="tell this one step by step")
    parser.add_argument("--ledger", default="ledger", choices=LEDGERS, help="whose seed to tell")
    asked = parser.parse_args()
    sys.exit(_tell(asked.seed, asked.ledger) if asked.seed is not None else _simulate(asked.first, asked.seeds))


def _simulate(first, count):
    began = time.monotonic()
    tally = run_in_processes(first, count)
    seconds = time.monotonic() - began
    _say(f"seeds       {tally.seeds:,} from {first}")
    _say(f"steps       {tally.steps:,}")
    _say(f"seconds     {seconds:.1f}")
    for name, times in sorted(tally.seen.items()):
        _say(f"  {times:>9,}  {name}")
    for name in MUTANTS:
        caught = run(first, MUTANT_SEEDS, name, until_caught=True)
        where = f"caught at seed {caught.violations[0][0]}" if caught.violations else "NOT CAUGHT"
        _say(f"mutant      {name}: {where}: {caught.violations[0][1] if caught.violations else ''}")
    _say(f"violations  {len(tally.violations)}")
    if not tally.violations:
        return 0
    for seed, message in tally.violations[:10]:
        _say(f"  seed {seed}: {message}")
    return _tell(tally.violations[0][0], "ledger")


def _tell(seed, ledger):
    lines, fault = told(seed, ledger)
    _say(f"seed {seed} of the {ledger}:" if ledger == "ledger" else f"seed {seed} of the mutant {ledger}:")
    for line in lines:
        _say(line)
    _say(f"VIOLATION   {fault}" if fault else "every promise was kept")
    return 1 if fault else 0


def _say(line):
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
