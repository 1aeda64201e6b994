"""Tables of a page in Markdown."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.figures import Row

Columns = Mapping[str, Callable[[Row], object]]
"""A table's heads, each with what its cells say of a row."""


def table(title: str, columns: Columns, rows: Sequence[Row]) -> str:
    """A heading and a line for each row."""
    cells = [[_text(cell(row)) for cell in columns.values()] for row in rows]
    lines = [list(columns), ["---"] * len(columns), *cells]
    return "\n".join((f"### {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""))


def spread(row: Row) -> str:
    """The least, the middle and the most, in one cell."""
    return ", ".join(f"{row[each]:g}" for each in ("min", "median", "max"))


def _text(cell: object) -> str:
    return f"{cell:g}" if isinstance(cell, float) else str(cell)
