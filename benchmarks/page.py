"""The tables of docs/benchmarks.md, written anew from the figures of a run."""

from operator import itemgetter
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Row
from benchmarks.lane_page import lane_tables
from benchmarks.ledger_page import ledger_tables
from benchmarks.routing_page import routing_tables
from benchmarks.tables import Columns, spread, table

PAGE: Final = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- figures: `make bench` writes what follows -->"
END: Final = "<!-- end of figures -->"


def write(figures: Figures, page: Path = PAGE) -> None:
    """Replace the tables of `make bench`."""
    replace_between(BEGIN, END, _figures(figures), page)


def replace_between(begin: str, end: str, figures: str, page: Path = PAGE) -> None:
    """Replace what stands between two marks of the page, and nothing else."""
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"make bench: {page} has lost its marks")
    page.write_text(f"{before}{begin}\n\n{figures}\n{end}{after}", encoding="utf-8")


def _figures(figures: Figures) -> str:
    parts = (_turns, _dynamodb, _http, ledger_tables, routing_tables, lane_tables, _cold, _imports)
    return "\n".join((figures.told(), "", *(part(figures) for part in parts)))


def _turns(figures: Figures) -> str:
    columns: Columns = {
        "what": lambda row: row.get("turn") or f"bare {row['call']}",
        "CPU ms: min, median, max": lambda row: spread(row["cpu_ms"]),
        "wall ms: p50": itemgetter("p50_ms"),
        "p99": itemgetter("p99_ms"),
        "CPU / get_item": lambda row: row.get("x_get_item", ""),
        "/ transact_write": lambda row: row.get("x_transact_write", ""),
        "/ chalice": lambda row: row.get("x_chalice", ""),
        "/ floor": lambda row: row.get("x_floor", ""),
    }
    return table("A turn in Lambda", columns, [*figures.of("turn"), *figures.of("yardstick")])


def _dynamodb(figures: Figures) -> str:
    columns: Columns = {
        "turn": itemgetter("turn"),
        "round trips": lambda row: _counts(row["calls"]),
        "sent B": itemgetter("bytes_sent"),
        "received B": itemgetter("bytes_received"),
        "read units": itemgetter("read_units"),
        "write units": itemgetter("write_units"),
        "USD per million turns": itemgetter("usd_per_million_turns"),
    }
    return table("What it asks of DynamoDB", columns, figures.of("dynamodb"))


def _http(figures: Figures) -> str:
    columns: Columns = {
        "turn": itemgetter("turn"),
        "connections": itemgetter("connections"),
        "requests/s: min, median, max": lambda row: spread(row["requests_per_second"]),
        "p50 ms": itemgetter("p50_ms"),
        "p99 ms": itemgetter("p99_ms"),
        "API CPU ms": lambda row: row["api_cpu_ms"]["median"],
        "emulator CPU ms": lambda row: row["emulator_cpu_ms"]["median"],
    }
    memory = figures.of("memory")[-1]
    after = f"Afterwards the API's process holds {memory['api_mb']} MB, the emulator's {memory['emulator_mb']} MB.\n"
    return f"{table('Over HTTP, as `make run` serves it', columns, figures.of('http'))}\n{after}"


def _cold(figures: Figures) -> str:
    columns: Columns = {
        "process": itemgetter("start"),
        "modules": itemgetter("modules"),
        "CPU ms: min, median, max": lambda row: spread(row["total_cpu_ms"]),
        "wall ms: min, median, max": lambda row: spread(row["total_wall_ms"]),
        "of the CPU time": lambda row: _parts(row["cpu_ms"]),
        "RSS MB": itemgetter("resident_mb"),
    }
    return table("A cold start", columns, figures.of("cold"))


def _imports(figures: Figures) -> str:
    columns: Columns = {
        "process": itemgetter("start"),
        "wall ms: min, median, max": lambda row: spread(row["total_ms"]),
        "of it, modules of": lambda row: _parts(row["packages_ms"]),
    }
    return table("An import", columns, figures.of("import"))


def _counts(calls: Row) -> str:
    return ", ".join(f"{number:g} {operation}" for operation, number in calls.items())


def _parts(parts: Row) -> str:
    return ", ".join(f"{name} {value:.0f}" for name, value in parts.items())
