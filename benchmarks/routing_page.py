"""The tables of how targets are chosen."""

from operator import itemgetter

from benchmarks.figures import Figures, Row
from benchmarks.routing_choices import CHOICES
from benchmarks.tables import Columns, table


def routing_tables(figures: Figures) -> str:
    """A line for each scene and shape, a column for each choice; nothing where it was not played."""
    rows = figures.of("routing")
    if not rows:
        return ""
    cells: dict[tuple[str, str], Row] = {}
    for row in rows:
        first = {"scene": row["scene"], "shape": row["shape"], "turns": row["turns"], "processes": row["processes"]}
        cells.setdefault((row["scene"], row["shape"]), first)[row["choice"]] = _cell(row)
    columns: Columns = {"targets": itemgetter("scene"), "processes": _shape, "turns": itemgetter("turns")}
    columns = {**columns, **{choice.name: itemgetter(choice.name) for choice in CHOICES}}
    return table("The choice between targets (simulated)", columns, list(cells.values()))


def _shape(row: Row) -> str:
    return "one" if row["shape"] == "one process" else f"{row['processes']:g}"


def _cell(row: Row) -> str:
    parts = [f"{100 * row['answered']:.1f} %", f"{row['p50_s']:.1f}, {row['p99_s']:.0f} s", f"{row['retries']:.3f}"]
    return "; ".join([*parts, f"{row['throttles']:.3f} throttled"] if row["throttles"] else parts)
