"""Draws how long small tenants wait behind a large one, with one line for all and with one for each."""

from collections.abc import Mapping, Sequence
from math import log10
from typing import Final

WIDTH: Final = 560
HEIGHT: Final = 260
LEFT: Final = 60
TOP: Final = 40
SPAN_SECONDS: Final = 1_500.0
DECADES: Final = (-1, 0, 1, 2, 3, 4)
COLOURS: Final = {False: "#b0532a", True: "#0b6fa4"}
NAMES: Final = {False: "one line for all", True: "a line for each tenant"}


def fairness_svg(curves: Mapping[bool, Sequence[tuple[float, float]]]) -> str:
    """When each small tenant came, to the right; how long it waited, upwards, in decades of seconds."""
    parts = [f'<path d="M0 0V{HEIGHT}H{WIDTH}" fill="none" stroke="#444"/>']
    for decade in DECADES:
        y = _up(10.0**decade)
        parts.append(f'<path d="M0 {y:.0f}H{WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.0f}" text-anchor="end">{10.0**decade:g} s</text>')
    for minute in range(0, int(SPAN_SECONDS) + 1, 300):
        x = WIDTH * minute / SPAN_SECONDS
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT + 16}" text-anchor="middle">{minute} s</text>')
    for place, (fair, points) in enumerate(curves.items()):
        dots = "".join(
            f'<circle cx="{WIDTH * at / SPAN_SECONDS:.1f}" cy="{_up(wait):.1f}" r="3"/>' for at, wait in points
        )
        parts.append(f'<g fill="{COLOURS[fair]}">{dots}<text x="{8 + 180 * place}" y="-10">{NAMES[fair]}</text></g>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 2 * LEFT} {HEIGHT + 2 * TOP}"'
        ' font-family="sans-serif" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n<g transform="translate({LEFT},{TOP})">\n'
        + "\n".join(parts)
        + "\n</g>\n</svg>\n"
    )


def _up(seconds: float) -> float:
    low, high = DECADES[0], DECADES[-1]
    return HEIGHT * (1 - (max(low, log10(max(seconds, 1e-9))) - low) / (high - low))
