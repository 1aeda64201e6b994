"""The plots of a plan; matplotlib is imported when the first is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from infra.plan import waiting
from infra.plan.counts import Counts
from infra.plan.load import DAY
from infra.plan.plan import Plan, waits
from infra.plan.prices import Prices
from infra.plan.tables import CENT

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS: Final[Mapping[waiting.Way, str]] = {"on demand": "#b0532a", "managed instances": "#0b6fa4", "line": "#3f8f4f"}
LOADS: Final = tuple(10 ** (step / 8) for step in range(-24, 33))
NAMES: Final = {"exact_hit": "#3f8f4f", "semantic_hit": "#888888", "miss": "#b0532a", "job": "#0b6fa4"}
SERIES: Final = ("turns a second", "functions at once", "jobs in line")
WIDE, HIGH = 7.2, 4.0


def cost(plan: Plan) -> Figure:
    """The bill by part."""
    figure, (axes,) = _figure()
    parts = sorted((usd, name) for name, usd in plan.bill.parts.items() if usd >= CENT)
    axes.barh([name for _, name in parts], [usd for usd, _ in parts], color=COLOURS["managed instances"])
    axes.set_xlabel(f"USD a month; the model costs {plan.bill.model:,.0f}")
    return figure


def three_ways(plan: Plan, counts: Counts, prices: Prices) -> Figure:
    """What waiting costs by load, for a million turns."""
    figure, (axes,) = _figure()
    job, day = waits(plan.day, plan.needs, counts)
    mean = waiting.turns_a_day(day) / DAY
    days = {load: day.times(load / mean) for load in LOADS}
    for way, colour in COLOURS.items():
        usd = [waiting.COSTS[way](job, each, prices) / (load * waiting.MONTH) * 1e6 for load, each in days.items()]
        axes.plot(LOADS, usd, color=colour, label=way)
    for crossing in plan.waiting.crossings[:2]:
        if crossing.turns is not None:
            axes.axvline(crossing.turns, color=COLOURS[crossing.cheaper], linestyle=":")
            axes.text(crossing.turns, 20, f" {crossing.turns:.2g}/s", color=COLOURS[crossing.cheaper], rotation=90)
    axes.set(xscale="log", yscale="log", ylim=(10, 1e4), xlabel="turns a second that the model answers, on average")
    axes.set_ylabel("USD for a million of them")
    axes.legend(frameon=False)
    return figure


def memory(plan: Plan) -> Figure:
    """Time and price by memory."""
    figure, (axes,) = _figure()
    beside = axes.twinx()
    for kind, colour in NAMES.items():
        sizes = plan.memory[kind]
        megabytes = [each.memory_mb for each in sizes]
        axes.plot(megabytes, [1e3 * each.own_seconds for each in sizes], color=colour, label=kind.replace("_", " "))
        beside.plot(megabytes, [each.usd_per_million for each in sizes], color=colour, linestyle="--")
    axes.axvline(1_769, color="#cccccc")
    axes.set(xlabel="MB of memory", ylabel="ms of a turn without the model (lines)")
    beside.set(ylabel="USD for a million turns (dashes)", yscale="log")
    axes.legend(frameon=False)
    return figure


def day(plan: Plan) -> Figure:
    """The slices that were played: turns a second, functions at once, messages that wait."""
    figure, panels = _figure(len(plan.played))
    for axes, played in zip(panels, plan.played, strict=True):
        minutes = [each[0] / 60 for each in played.series]
        for column, (name, colour) in enumerate(zip(SERIES, COLOURS.values(), strict=True), start=1):
            axes.plot(minutes, [each[column] for each in played.series], color=colour, label=name)
        axes.set(title=played.slice.name, xlabel="minutes", yscale="symlog")
        axes.set_ylim(bottom=0)
    panels[0].legend(frameon=False)
    return figure


def drawn(plan: Plan, counts: Counts, prices: Prices) -> Mapping[str, Figure]:
    """Every plot by its name."""
    found = {"cost": cost(plan), "memory": memory(plan)}
    if plan.needs.mix.parts.missed:
        found["waiting"] = three_ways(plan, counts, prices)
    return found | ({"day": day(plan)} if plan.played else {})


def save(figure: Figure, path: Path) -> None:
    """As PNG or SVG by the name; the same figure gives the same file."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "tidegate", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def _figure(panels: int = 1) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE * max(1.0, panels / 2), HIGH), layout="constrained")
    return figure, [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
