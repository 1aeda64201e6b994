"""`python -m infra.plan --users …`: what a load needs and costs, on the terminal or in a folder."""

import os
import sys
from collections.abc import Sequence
from typing import TextIO

import msgspec

from infra.plan import counts as measured
from infra.plan import prices as price_list
from infra.plan import report
from infra.plan.counts import Counts
from infra.plan.load import BadLoad, arguments, checked, load_of, parser
from infra.plan.plan import Plan, planned
from infra.plan.prices import Prices
from infra.plan.simulated import play, sample_of, slices
from infra.plan.tables import as_text, sections

WIDTH = 30


class Bar:
    """A line that grows, on a terminal alone."""

    def __init__(self, out: TextIO) -> None:
        self._out = out if out.isatty() else None
        self._shown = ""

    def tell(self, name: str, done: float) -> None:
        """How far the whole is."""
        line = f"\r{'#' * round(WIDTH * done):<{WIDTH}} {done:4.0%} {name:<24}"
        if self._out is not None and line != self._shown:
            self._shown = line
            self._out.write(line)
            self._out.flush()

    def end(self) -> None:
        """Leave the terminal as it was."""
        if self._out is not None and self._shown:
            self._out.write("\r" + " " * len(self._shown) + "\r")


def with_day(plan: Plan, counts: Counts, prices: Prices, *, seed: int, bar: Bar) -> Plan:
    """The plan with its day played."""
    parts, played = slices(plan.day, plan.needs, plan.load.quota), []
    for place, part in enumerate(parts):
        sample = sample_of(plan.load, plan.needs, prices.paces[plan.load.model], counts, part.parts)

        def tell(done: float, place: int = place, name: str = part.name) -> None:
            bar.tell(name, (place + done) / len(parts))

        played.append(play(part, plan.day, sample, tenants=plan.load.customers, seed=seed, tell=tell))
    bar.end()
    return msgspec.structs.replace(plan, played=played)


def main(given: Sequence[str]) -> int:
    """Plan, and say it; 2 for a load that cannot be."""
    counts, prices = measured.read(), price_list.read()
    try:
        options = parser().parse_args(given)
        load = checked(load_of(options), prices)
    except BadLoad as fault:
        print(f"not planned: {fault}", file=sys.stderr)
        return 2
    plan = planned(load, counts, prices)
    if not options.quick:
        plan = with_day(plan, counts, prices, seed=options.seed, bar=Bar(sys.stderr))
    if options.json:
        _tell(report.as_json(plan, prices, arguments(given)).decode())
    else:
        _tell("\n".join(map(as_text, sections(plan, prices))) + "\n")
    if options.out is not None:
        try:
            written = report.write(plan, counts, prices, folder=options.out, command=arguments(given))
        except OSError as fault:
            print(f"--out is a folder that can be written, and {options.out} is not: {fault.strerror}", file=sys.stderr)
            return 1
        print("\n".join(map(str, written)), file=sys.stderr)
    return 0


def _tell(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has seen enough: what is left goes nowhere, now and when this ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
