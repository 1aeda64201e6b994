"""The peers' part of docs/benchmarks.md."""

from operator import itemgetter

from benchmarks.figures import Figures, Row
from benchmarks.tables import Columns, spread, table


def peers_tables(figures: Figures) -> str:
    """How they compare under load, at a rate, and at rest."""
    return "\n".join((figures.told(), "", _load(figures), _rate(figures), _rest(figures)))


def _load(figures: Figures) -> str:
    columns: Columns = {
        "gateway": itemgetter("gateway"),
        "request": itemgetter("request"),
        "connections": itemgetter("connections"),
        "CPU ms a request: min, median, max": lambda row: spread(row["cpu_ms"]),
        "CPU / LiteLLM": itemgetter("x_litellm"),
        "emulator CPU ms": lambda row: row["emulator_cpu_ms"]["median"] or "",
        "requests/s": lambda row: row["requests_per_second"]["median"],
    }
    return table("As fast as it goes", columns, [row for row in _gateways(figures) if row["rate"] is None])


def _rate(figures: Figures) -> str:
    columns: Columns = {
        "gateway": itemgetter("gateway"),
        "request": itemgetter("request"),
        "p50 ms: min, median, max": lambda row: spread(row["p50_ms"]),
        "added p50 ms": itemgetter("added_p50_ms"),
        "p99 ms: min, median, max": lambda row: spread(row["p99_ms"]),
        "added p99 ms": itemgetter("added_p99_ms"),
    }
    rows = [row for row in _gateways(figures) if row["rate"] is not None]
    return table(f"At {rows[0]['rate']:g} requests a second", columns, rows)


def _rest(figures: Figures) -> str:
    columns: Columns = {
        "gateway": itemgetter("gateway"),
        "first answer after s": itemgetter("started_s"),
        "memory MB before load": itemgetter("before_mb"),
        "after": itemgetter("after_mb"),
        "packages on disk MB": itemgetter("disk_mb"),
    }
    return table("At rest", columns, figures.of("peers_rest"))


def _gateways(figures: Figures) -> list[Row]:
    return [row for row in figures.of("peers") if row["gateway"] != "no gateway"]
