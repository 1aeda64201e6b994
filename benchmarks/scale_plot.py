"""Draws cost and latency of a turn by the number of users; matplotlib is imported when the first is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchmarks.scale import Point

COLOURS: Final = ("#b0532a", "#d9a441", "#0b6fa4", "#3f8f4f", "#7a4f9a", "#888888")
LINES: Final = ("-", "-", "--", ":")  # some lie on each other
LEAST_USD: Final = 0.1
WIDE, HIGH = 7.8, 4.4


def cost_plot(points: Sequence[Point]) -> Figure:
    """USD for a million turns, by part; the model's own beside them."""
    figure, axes = _figure()
    users = [each.users for each in points]
    names = dict.fromkeys(name for each in points for name in each.parts)
    for name, colour in zip(names, COLOURS, strict=False):
        usd = [each.parts.get(name, 0.0) for each in points]
        shown = [amount if amount >= LEAST_USD else float("nan") for amount in usd]
        axes.plot(users, shown, color=colour, label=name)
    axes.plot(users, [each.plan.bill.per_turn * 1e6 for each in points], color="black", linewidth=2, label="all")
    axes.plot(users, [each.model for each in points], color="black", linestyle="--", label="the model")
    axes.set(
        xscale="log", yscale="log", xlabel="users, 10 turns a day each", ylabel="USD for a million turns (computed)"
    )
    _legend(figure, axes)
    return figure


def latency_plot(points: Sequence[Point], kinds: Sequence[str]) -> Figure:
    """Seconds of a turn: what is ours by kind, and what callers waited in the worst minutes that were played."""
    figure, axes = _figure()
    users = [each.users for each in points]
    for kind, colour, line in zip(kinds, COLOURS, LINES, strict=False):
        own = [each.size(kind).own_seconds for each in points]
        axes.plot(users, own, color=colour, linestyle=line, label=f"{kind.replace('_', ' ')}, ours (computed)")
    cold = [each.size(kinds[0]).cold_seconds for each in points]
    axes.plot(users, cold, color="#444444", linestyle="--", label="a cold start (computed)")
    played = [(each.users, each.played) for each in points if each.played is not None]
    for name, marker in (("p50", "o"), ("p99", "^")):
        waits = [getattr(each, f"wait_{name}") for _, each in played]
        label = f"{name} with the model (simulated)"
        axes.plot([at for at, _ in played], waits, color="black", marker=marker, linestyle="", label=label)
    axes.set(xscale="log", yscale="log", xlabel="users, 10 turns a day each", ylabel="seconds of a turn")
    _legend(figure, axes)
    return figure


def _figure() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, HIGH), layout="constrained")
    return figure, figure.subplots()


def _legend(figure: Figure, axes: Axes) -> None:
    """Beside what is drawn, never over it."""
    lines, names = axes.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside upper center", ncols=3, frameon=False, fontsize="small")
