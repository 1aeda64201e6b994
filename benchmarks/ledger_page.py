"""The ledger's tables."""

from operator import itemgetter
from typing import Final

from benchmarks.figures import Figures
from benchmarks.tables import Columns, spread, table

_FORM: Final[Columns] = {
    "ledger": itemgetter("ledger"),
    "limits": itemgetter("limits"),
    "shards": lambda row: row["shards"] or "",
    "clients": itemgetter("clients"),
}
_SPEED: Final[Columns] = {
    "turns/s: min, median, max": lambda row: spread(row["turns_per_second"]),
    "CPU ms a turn": lambda row: spread(row["cpu_ms"]),
}


def ledger_tables(figures: Figures) -> str:
    """Load, conflicts, budgets and lost replies; nothing where the ledger was not measured."""
    if not figures.of("ledger"):
        return ""
    return "\n".join((_load(figures), _conflicts(figures), _budgets(figures), _repeated(figures)))


def _load(figures: Figures) -> str:
    columns: Columns = {
        **_FORM,
        **_SPEED,
        "emulator CPU ms": lambda row: row["emulator_cpu_ms"]["median"],
        "requests a turn": itemgetter("requests_per_turn"),
        "cores of the clients": itemgetter("client_cores"),
        "turns/s / peer's": lambda row: row.get("x_peer_turns", ""),
        "CPU / peer's": lambda row: row.get("x_peer_cpu", ""),
    }
    return table("The ledger alone: reserve and settle", columns, figures.of("ledger"))


def _conflicts(figures: Figures) -> str:
    columns: Columns = {
        **_FORM,
        **_SPEED,
        "requests a turn": itemgetter("requests_per_turn"),
        "of them in conflict": lambda row: _percent(row["conflict_share"]),
        "turns told to come again": lambda row: f"{row['busy']} of {row['busy'] + row['turns']}",
    }
    return table("The ledger where transactions conflict", columns, figures.of("conflicts"))


def _budgets(figures: Figures) -> str:
    columns: Columns = {
        **_FORM,
        "budget": itemgetter("budget"),
        "burned above it": itemgetter("over"),
        "share of it that was burned": lambda row: spread(row["burned_share"]),
        "what the ledger miscounted": itemgetter("unaccounted"),
    }
    return table("A budget for a quarter of what is asked", columns, figures.of("overspend"))


def _repeated(figures: Figures) -> str:
    columns: Columns = {
        "ledger": itemgetter("ledger"),
        "turns": itemgetter("turns"),
        "burned": itemgetter("burned"),
        "what the ledger says": itemgetter("used"),
    }
    return table("The first reply to every write lost", columns, figures.of("repeated"))


def _percent(share: float) -> str:
    return f"{share:.1%}"
