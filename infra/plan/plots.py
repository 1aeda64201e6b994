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
CORE_MB: Final = 1_769  # from which on a function has a whole core
TEN: Final = 10
WIDE, HIGH, LOW = 7.8, 4.2, 3.0


def cost(plan: Plan) -> Figure:
    """The bill by part."""
    figure, (axes,) = _figure()
    parts = sorted((usd, name) for name, usd in plan.bill.parts.items() if usd >= CENT)
    bars = axes.barh([name for _, name in parts], [usd for usd, _ in parts], color=COLOURS["managed instances"])
    axes.bar_label(bars, [f"{usd:,.0f}" if usd >= TEN else f"{usd:,.2f}" for usd, _ in parts], padding=3)
    axes.margins(x=0.12)
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
            _mark(axes, crossing.turns, f"{crossing.turns:.2g}/s", COLOURS[crossing.cheaper])
    axes.set(xscale="log", yscale="log", ylim=(10, 1e4), xlabel="turns a second that the model answers, on average")
    axes.set_ylabel("USD for a million of them")
    _legend(figure, axes)
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
    _mark(axes, CORE_MB, "a whole core", "#777777")
    axes.set(xlabel="MB of memory", ylabel="ms of a turn without the model (lines)")
    axes.set_ylim(bottom=0)
    beside.set(ylabel="USD for a million turns (dashes)", yscale="log")
    _legend(figure, axes)
    return figure


def day(plan: Plan) -> Figure:
    """The slices that were played: turns a second, functions at once, messages that wait."""
    figure, panels = _figure(len(plan.played))
    for axes, played in zip(panels, plan.played, strict=True):
        minutes = [each[0] / 60 for each in played.series]
        for column, (name, colour) in enumerate(zip(SERIES, COLOURS.values(), strict=True), start=1):
            axes.plot(minutes, [each[column] for each in played.series], color=colour, label=name)
        axes.set(title=played.slice.name, xlabel="minutes", yscale="symlog")
        axes.yaxis.set_major_formatter("{x:g}")
    panels[0].set_ylim(bottom=0)  # of all: once each has said how high it is
    _legend(figure, panels[0])
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


def _mark(axes: Axes, at: float, word: str, colour: str) -> None:
    """A line from bottom to top, with a word at its upper end, where no curve is."""
    axes.axvline(at, color=colour, linestyle=":")
    axes.text(at, 1.0, word, color=colour, ha="center", va="bottom", transform=axes.get_xaxis_transform())


def _legend(figure: Figure, axes: Axes) -> None:
    """Beside what is drawn, never over it."""
    lines, names = axes.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=len(names), frameon=False)


def _figure(panels: int = 1) -> tuple[Figure, Sequence[Axes]]:
    """Panels two in a row, over one scale."""
    from matplotlib.figure import Figure

    rows = (panels + 1) // 2
    figure = Figure(figsize=(WIDE, HIGH if rows == 1 else LOW * rows), layout="constrained")
    grid = figure.subplots(rows, min(panels, 2), squeeze=False, sharey=True)
    drawn_in, spare = grid.ravel()[:panels].tolist(), grid.ravel()[panels:]
    for axes in spare:
        axes.remove()
    return figure, drawn_in
