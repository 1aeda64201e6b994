"""Draws hits against errors as an SVG, a panel for each stream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, Final

WIDTH: Final = 250
HEIGHT: Final = 200
MARGIN: Final = 45
MOST_ERROR: Final = 0.05
_COLUMNS: Final = 3
_TICKS: Final = 5
_COLOURS: Final = {"ours": "#0b6fa4", "fixed": "#b0532a"}


def svg(points: Iterable[dict[str, Any]]) -> str:
    """Rows of `curve`, drawn: wrong answers to the right, hits upwards, both as shares of all requests."""
    streams: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in points:
        if row["wrong"] <= MOST_ERROR:
            streams.setdefault(row["stream"], {}).setdefault(row["rule"], []).append((row["wrong"], row["hits"]))
    panels = [_panel(place, name, rules) for place, (name, rules) in enumerate(streams.items())]
    rows = -(-len(panels) // _COLUMNS)
    wide, high = _COLUMNS * (WIDTH + MARGIN) + MARGIN, rows * (HEIGHT + 2 * MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" font-family="sans-serif"'
        ' font-size="11">\n'
        f'<rect width="{wide}" height="{high}" fill="white"/>\n{"".join(panels)}</svg>\n'
    )


def _panel(place: int, name: str, rules: dict[str, list[tuple[float, float]]]) -> str:
    across = MARGIN + place % _COLUMNS * (WIDTH + MARGIN)
    down = MARGIN + place // _COLUMNS * (HEIGHT + 2 * MARGIN)
    parts = [f'<text x="0" y="-10" font-weight="bold">{escape(name)}</text>', *_axes()]
    for order, (rule, points) in enumerate(rules.items()):
        colour = _COLOURS[rule]
        parts.append(_line(sorted(points), colour))
        parts.append(f'<text x="8" y="{14 + 14 * order}" fill="{colour}">{_NAMES[rule]}</text>')
    drawn = "\n".join(parts)
    return f'<g transform="translate({across},{down})">\n{drawn}\n</g>\n'


_NAMES: Final = {"ours": "max_error, learned", "fixed": "fixed cosine"}


def _axes() -> list[str]:
    drawn = [f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="#444"/>']
    for step in range(_TICKS + 1):
        x, y = WIDTH * step / _TICKS, HEIGHT * (1 - step / _TICKS)
        drawn.append(f'<text x="{x:.0f}" y="{HEIGHT + 15}" text-anchor="middle">{step} %</text>')
        drawn.append(f'<text x="-6" y="{y + 4:.0f}" text-anchor="end">{20 * step} %</text>')
        drawn.append(f'<path d="M0 {y:.0f}H{WIDTH}" stroke="#ddd"/>')
    drawn.append(f'<text x="{WIDTH}" y="{HEIGHT + 30}" text-anchor="end">wrong, of all requests</text>')
    drawn.append('<text x="-40" y="-10" fill="#444">hits</text>')
    return drawn


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    places = [(WIDTH * wrong / MOST_ERROR, HEIGHT * (1 - hits)) for wrong, hits in points]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places)
    return f'<g fill="{colour}"><path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>{dots}</g>'
