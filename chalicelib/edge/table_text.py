"""Tables as text for spreadsheets: RFC 4180, with nothing in a cell that a spreadsheet would run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

CSV: Final = "text/csv; charset=utf-8; header=present"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_QUOTED: Final = frozenset(',"\r\n')

Cell = str | int | None


def table_text(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Lines that end in CR LF; None is an empty cell."""
    return "".join(",".join(map(_cell, row)) + "\r\n" for row in (header, *rows))


def _cell(value: Cell) -> str:
    """A cell; text that a spreadsheet would take for a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return "" if value is None else str(value)
    text = f"'{value}" if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else value
    return '"' + text.replace('"', '""') + '"' if not _QUOTED.isdisjoint(text) else text
