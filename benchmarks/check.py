"""`make bench-check`: what a turn takes that can be counted, held against `benchmarks/baseline.json`.

Nothing here is a time. A turn's round trips, units and bytes, the functions that it calls, and the modules that a cold
start loads are the same on every machine; who makes them more says so by `make bench-check WRITE=1`, in the commit that
does.
"""

import argparse
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest.mock import patch

from benchmarks.figures import Figures, claim_stdout
from benchmarks.product import running
from benchmarks.stoppable import stoppable
from chalicelib.settings import boolean

BASELINE: Final = Path(__file__).with_name("baseline.json")
EXACT: Final = ("calls",)
SLACK: Final = {
    "read_units": 0.06,  # plans and targets are read again now and then, whichever turn comes then
    "write_units": 0.02,
    "bytes_sent": 0.02,
    "bytes_received": 0.06,
    "functions": 0.05,
    "modules": 0.02,
}
"""By how much of the baseline each may be more: ids and times are not equally long, and libraries differ in patches."""
_TURNS: Final = 10
_KINDS: Final = ("hit", "miss", "stream", "first", "deep")
Counted = dict[str, dict[str, Any]]


def counted() -> Counted:
    """All that is counted, by kind of turn and of start."""
    with running() as product, patch.dict(os.environ, product.environment):
        from benchmarks.turns import Turns

        turns = Turns(product.key)
        kinds = _asked(turns)
        for name, functions in _functions(turns):
            kinds[name]["functions"] = functions
        return {**kinds, "cold start": {"modules": _modules()}, "python": {"version": _version()}}


def faults(base: Counted, now: Counted) -> Iterator[str]:
    """What is more than the baseline allows, or is not in it; functions count for one version of Python alone."""
    if base.keys() != now.keys():
        yield f"the baseline has {', '.join(base)}; counted were {', '.join(now)}"
        return
    for kind, each in now.items():
        for name in sorted(base[kind].keys() | each.keys()):
            was, value = base[kind].get(name), each.get(name)
            compared = name != "functions" or base["python"] == now["python"]
            if compared and not _holds(name, was, value):
                yield f"{kind}: {name} were {was} and are {value}{_allowed(name)}"


def _holds(name: str, was: Any, value: Any) -> bool:
    if name not in SLACK:
        return name not in EXACT or was == value
    return was is not None and value is not None and bool(value <= was * (1 + SLACK[name]))


def _allowed(name: str) -> str:
    return f", where {SLACK[name]:.0%} more are let pass" if name in SLACK else ""


def _asked(turns: Any) -> Counted:
    from benchmarks.lambda_view import deployed
    from benchmarks.round_trips import CountedDatabase, Tally, count
    from chalicelib import settings

    tally = Tally()
    services = deployed(CountedDatabase(settings.read(os.environ), tally))
    with patch("app.services", lambda: services):
        rows = count(turns, tally, Figures(io.StringIO()))
    names = (*EXACT, *SLACK)
    return {kind: {name: rows[kind][name] for name in names if name in rows[kind]} for kind in _KINDS}


def _functions(turns: Any) -> Iterator[tuple[str, float]]:
    """How many functions a turn calls, of Python and of C, once all is warm."""
    for scenario in turns.scenarios:
        if scenario.name not in _KINDS:
            continue
        events = scenario.prepare(2 * _TURNS)
        for event in events[:_TURNS]:
            scenario.take(event)
        yield scenario.name, median([_calls(partial(scenario.take, event)) for event in events[_TURNS:]])


def _calls(work: Callable[[], object]) -> int:
    calls = 0

    def seen(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return calls


def _modules() -> int:
    """How many modules the first answer needs."""
    code = "import sys, app; from chalicelib.bootstrap import services; services(); print(len(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)  # noqa: S603
    return int(done.stdout.splitlines()[-1])


def _version() -> str:
    return ".".join(map(str, sys.version_info[:2]))


def main() -> None:
    """Compare, or write the baseline anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=boolean, default=False, help="take what is counted now for the baseline")
    write, out = parser.parse_args().write, claim_stdout()
    if not write and not BASELINE.exists():
        raise SystemExit(f"make bench-check: there is no {BASELINE} to compare with; WRITE=1 makes it")
    now = counted()
    if write:
        BASELINE.write_text(json.dumps(now, indent=2) + "\n")
    base = json.loads(BASELINE.read_text())
    found = list(faults(base, now))
    if base.get("python") != now["python"]:
        print("make bench-check: functions are not compared: the baseline is of another version of Python", file=out)
    for kind, each in now.items():
        print(f"{kind}: {_told(each)}", file=out)
    for fault in found:
        print(f"make bench-check: {fault}", file=sys.stderr)
    out.flush()
    sys.exit(bool(found))


def _told(each: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in each.items())


if __name__ == "__main__":
    stoppable()
    main()
