"""What a cold start costs, and where an import spends its time; beside boto3 by itself."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.figures import Figures, Row, rounded, spread
from benchmarks.turns import Turns

ROUNDS: Final = 5
KINDS: Final = ("gateway", "boto3")
IMPORTS: Final = {"gateway": "app", "boto3": "boto3"}
TOP: Final = 10
_ROOT: Final = Path(__file__).parents[1]


def measure(key: str, figures: Figures) -> None:
    """Each kind once a round, each time in a new process."""
    turns = Turns(key)
    starts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    imports: dict[str, list[dict[str, float]]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as directory:
        event = Path(directory) / "event.json"
        caches = _compiled(Path(directory), event, turns)
        for number, kind in product(range(ROUNDS), KINDS):
            for modules, cache in caches.items():
                event.write_text(json.dumps(turns.chat(f"What is cold start {number}, {modules}?")))
                starts[kind, modules].append(_start(kind, event, cache, write=False))
            imports[kind].append(_import_times(IMPORTS[kind], caches["compiled"]))
    for (kind, modules), rows in starts.items():
        figures.add("cold", start=kind, modules=modules, rounds=ROUNDS, **_start_row(rows))
    for kind in KINDS:
        figures.add("import", start=kind, rounds=ROUNDS, **_import_row(imports[kind]))


def _compiled(directory: Path, event: Path, turns: Turns) -> dict[str, Path]:
    """Where compiled modules are: of everything; and of Python alone, since a package for Lambda has only sources."""
    caches = {"compiled": directory / "everything", "as packaged": directory / "python"}
    for cache, kind in product(caches.values(), KINDS):
        event.write_text(json.dumps(turns.chat(f"What is compiled for {kind} in {cache.name}?")))
        _start(kind, event, cache, write=True)
    for ours in (_ROOT, Path(sys.prefix)):
        shutil.rmtree(caches["as packaged"] / ours.relative_to(ours.anchor), ignore_errors=True)
    return caches


def _start(kind: str, event: Path, cache: Path, *, write: bool) -> Row:
    command = [sys.executable, "-m", "benchmarks.cold", kind, str(time.monotonic())]
    environment = _environment(cache, write=write) | {"COLD_EVENT": str(event)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)  # noqa: S603
    row: Row = json.loads(done.stdout)
    return row


def _environment(cache: Path, *, write: bool) -> dict[str, str]:
    return {**os.environ, "PYTHONPYCACHEPREFIX": str(cache), "PYTHONDONTWRITEBYTECODE": "" if write else "1"}


def _start_row(starts: list[Row]) -> Row:
    stages = starts[0]["stages"]
    row: dict[str, Any] = {
        f"{clock}_ms": {stage: _middle(start["stages"][stage][f"{clock}_ms"] for start in starts) for stage in stages}
        for clock in ("cpu", "wall")
    }
    for clock in ("cpu", "wall"):
        totals = [sum(stage[f"{clock}_ms"] for stage in start["stages"].values()) for start in starts]
        row[f"total_{clock}_ms"] = spread(totals)
    return row | {"resident_mb": _middle(start["resident_mb"] for start in starts)}


def _import_times(module: str, cache: Path) -> dict[str, float]:
    """Milliseconds that each package's own modules took, as `-X importtime` saw them, and the whole import."""
    command = [sys.executable, "-X", "importtime", "-c", f"import {module}"]
    environment = _environment(cache, write=False)
    said = subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=True, text=True).stderr  # noqa: S603
    times: dict[str, float] = defaultdict(float)
    for line in said.splitlines()[1:]:
        own, total, name = line.removeprefix("import time:").split("|")
        times[name.strip().partition(".")[0]] += int(own) / 1e3
        if name.strip() == module:
            times["total"] = int(total) / 1e3
    return times


def _import_row(runs: list[dict[str, float]]) -> Row:
    packages = {name: _middle(run.get(name, 0.0) for run in runs) for name in runs[0] if name != "total"}
    dearest = sorted(packages, key=lambda name: packages[name], reverse=True)[:TOP]
    return {
        "total_ms": spread([run["total"] for run in runs]),
        "packages_ms": {each: packages[each] for each in dearest},
    }


def _middle(values: Any) -> float:
    return rounded(median(values))
