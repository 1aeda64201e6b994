"""Figures on their way out: one JSON object a line, each kept for the page."""

import json
import os
import platform
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any, Final, TextIO

Row = dict[str, Any]

_SIGNIFICANT: Final = 4


class Figures:
    """Prints each row as soon as it is known."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.rows: list[Row] = []

    def add(self, bench: str, **figures: Any) -> None:
        row: Row = {"bench": bench, **figures}
        self.rows.append(row)
        print(json.dumps(row), file=self._out, flush=True)

    def begin(self, seed: int) -> None:
        """Say on which machine, how busy, and from which seed."""
        load = os.getloadavg()[0]
        self.add("machine", python=platform.python_version(), cores=os.cpu_count(), load=load, seed=seed)

    def told(self) -> str:
        """The same, in a sentence."""
        machine = self.of("machine")[0]
        return (
            f"Python {machine['python']}, {machine['cores']} cores, load {machine['load']:.1f}, seed {machine['seed']}."
        )

    def of(self, bench: str) -> list[Row]:
        return [row for row in self.rows if row["bench"] == bench]


def claim_stdout() -> TextIO:
    """Standard output for figures alone: what the product logs there goes where Lambda's agent would take it."""
    figures = os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return figures


def spread(values: Sequence[float]) -> Row:
    """The least, the middle and the most of what several rounds gave."""
    return {"min": rounded(min(values)), "median": rounded(median(values)), "max": rounded(max(values))}


def quantile(values: Iterable[float], share: float) -> float:
    """The nearest-rank quantile: a value that was measured."""
    ordered = sorted(values)
    return rounded(ordered[min(len(ordered) - 1, int(share * len(ordered)))])


def rounded(value: float) -> float:
    return float(f"{value:.{_SIGNIFICANT}g}")
