"""The ledger keeps its promises under every interleaving of a seed, and the simulator sees where a ledger does not."""

import os
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.simulation.mutants import LEDGERS, MUTANTS
from tests.simulation.runs import run, told
from tests.simulation.seeds import play
from tests.simulation.world import FAULTS

ROOT = Path(__file__).parents[2]
CHUNKS = range(0, 5_000, 500)
MUTANT_SEEDS = 2_000
HAPPENINGS = {
    *FAULTS,
    "admitted",
    "answer kept",
    "answered",
    "answered to the last token",
    "conversation",
    "crashed",
    "crashed after burning",
    "cut",
    "end delivered again",
    "end given up",
    "end repeated",
    "ended after the lease",
    "ended by two at once",
    "hit charged",
    "index lagged",
    "late request refused",
    "lead taken back",
    "lease ended",
    "lease left to the last sweep",
    "overtaken",
    "refusal lost",
    "refused: LimitExceeded",
    "refused: over",
    "released unseen",
    "reserved again",
    "renumbered",
    "request arrived late",
    "reservation given up",
    "reservation repeated",
    "store unavailable",
    "plans",
    "shards",
    "sweep",
    "sweep broke off",
    "throttled",
    "time passed",
    "timed out",
    "token replayed",
    "two sweeps at once",
}


@cache
def tally(first):
    return run(first, 500)


@pytest.mark.parametrize("first", CHUNKS)
def test_no_seed_breaks_a_promise(first):
    found = tally(first)

    assert found.violations == []
    assert found.seeds == 500


def test_everything_that_can_go_wrong_goes_wrong():
    seen = Counter()
    for first in CHUNKS[:2]:
        seen.update(tally(first).seen)

    assert {name for name in HAPPENINGS if not seen[name]} == set()


def test_the_seeds_admit_and_refuse():
    seen = tally(0).seen

    assert seen["admitted"] > 500
    assert seen["refused: LimitExceeded"] > 100


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_ledger_with_a_classic_fault_is_caught(mutant, capsys):
    found = run(0, MUTANT_SEEDS, mutant, until_caught=True)

    assert found.violations, f"{mutant} passed {MUTANT_SEEDS} seeds"
    with capsys.disabled():
        sys.stdout.write(f" [{mutant}: seed {found.violations[0][0]}] ")


def test_a_failing_seed_tells_its_story():
    ((seed, message),) = run(0, MUTANT_SEEDS, "check-then-add", until_caught=True).violations

    lines, fault = told(seed, "check-then-add")

    assert fault == message
    assert any("transact_write_items" in line for line in lines)


def test_a_seed_is_the_same_each_time():
    stories = []
    for _ in range(2):
        for seed in range(20):
            stories.append(story := [])
            play(seed, make_turns=LEDGERS["ledger"], story=story)

    assert stories[:20] == stories[20:]


def test_a_seed_is_the_same_in_every_process():
    def in_process(hash_seed):
        command = [sys.executable, "-m", "tests.simulation", "--seed", "2"]
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout

    assert in_process("1") == in_process("2") != ""
