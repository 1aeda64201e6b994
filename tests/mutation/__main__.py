"""`make mutate`: small faults put into what holds limits, keys, scopes and repetitions; how many do the tests find?

mutmut makes the faults, in a copy below `mutants`, and asks the tests that reach each of them (`[tool.mutmut]` in
pyproject.toml says which: those of one module alone, of which none waits). A run that was cut goes on where it was.
Fails where fewer than nine in ten are found. docs/security.md explains those that are not.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEAST = 0.9
FOUND = {1, 3, -24, 24, 36, 152, 255}  # a test failed, or did not come to its end
MISSED = {0, 5, 33}  # all passed, or there was none
MUTANTS = Path("mutants")


def main():
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__)
    parser.add_argument("--children", type=int, default=os.cpu_count(), help="how many processes")
    asked = parser.parse_args()
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(asked.children)]
    subprocess.run(command, env=os.environ | {"CI": "true"}, stdout=subprocess.DEVNULL, check=True)
    sys.exit(told(outcomes(MUTANTS)))


def outcomes(folder):
    """What became of each mutant, by the file that it is in: an exit code of its tests."""
    metas = {path: json.loads(path.read_text())["exit_code_by_key"] for path in sorted(folder.rglob("*.py.meta"))}
    return {path.relative_to(folder).with_suffix("").as_posix(): codes for path, codes in metas.items() if codes}


def told(outcomes):
    """Say what was found and what was not; 1 where that is too little."""
    whole = Counter()
    for file, codes in outcomes.items():
        found = Counter(
            "found" if code in FOUND else "missed" if code in MISSED else "unclear" for code in codes.values()
        )
        whole += found
        _say(f"{file}: {_share(found):.1%} of {found.total()}")
        for name in sorted(name for name, code in codes.items() if code not in FOUND):
            _say(f"    {name}")
    _say(f"all: {_share(whole):.1%} of {whole.total()}; `mutmut show NAME` shows one")
    return int(_share(whole) < LEAST)


def _say(line):
    sys.stdout.write(f"{line}\n")


def _share(found):
    return found["found"] / found.total() if found else 0.0


if __name__ == "__main__":
    main()
