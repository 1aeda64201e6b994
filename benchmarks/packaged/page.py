"""The Lambda view's part of docs/benchmarks.md."""

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from benchmarks.figures import Figures, Row
from benchmarks.packaged.package import BARE
from benchmarks.packaged.price import STAGE, usd
from benchmarks.tables import Columns, spread, table
from infra.plan.prices import Prices

PARTS: Final = ("Lambda", "API Gateway", "DynamoDB", "SQS", "logs")


def packaged_tables(figures: Figures, prices: Prices) -> str:
    """Starts, events, what they ask for and what they cost."""
    plan = figures.of("plan")[0]
    ran = f"{figures.told()} {plan['rounds']} rounds, of {plan['events']} events of each kind."
    return "\n".join((ran, "", _starts(figures), _events(figures), _services(figures), _costs(figures, prices)))


def _starts(figures: Figures) -> str:
    columns: Columns = {
        "function": itemgetter("function"),
        "modules": itemgetter("modules"),
        "init: CPU ms: min, median, max": lambda row: spread(row["init_cpu_ms"]),
        "/ bare": itemgetter("x_init"),
        "wall ms": lambda row: row["init_wall_ms"]["median"],
        "first event: CPU ms": lambda row: row["first_cpu_ms"]["median"],
        "both / bare": itemgetter("x_whole"),
    }
    return table("A cold start of the package (measured)", columns, figures.of("packaged_start"))


def _events(figures: Figures) -> str:
    columns: Columns = {
        "event": itemgetter("kind"),
        "function": itemgetter("function"),
        "CPU ms: min, median, max": lambda row: spread(row["cpu_ms"]),
        "/ bare": itemgetter("x_bare"),
        "log B": itemgetter("log_bytes"),
        "answer B": itemgetter("answer_bytes"),
    }
    chunk = figures.of("packaged_chunk")[0]
    after = f"A further chunk of a stream takes {spread(chunk['cpu_us'])} µs of CPU (min, median, max).\n"
    return f"{table('A warm event (measured)', columns, figures.of('packaged_event'))}\n{after}"


def _services(figures: Figures) -> str:
    columns: Columns = {
        "event": itemgetter("kind"),
        "calls": lambda row: "; ".join(f"{each}: {_counts(row['calls'][each])}" for each in row["calls"]) or "none",
        "sent, received B": lambda row: "; ".join(
            f"{each}: {row['sent'][each]:g}, {row['received'][each]:g}" for each in row["calls"]
        ),
        "read units": itemgetter("read_units"),
        "write units": itemgetter("write_units"),
    }
    return table("What it asks of each service (measured)", columns, figures.of("packaged_event"))


def _costs(figures: Figures, prices: Prices) -> str:
    rows = [{"kind": row["kind"], **usd(row, prices)} for row in figures.of("packaged_event") if row["kind"] != BARE]
    columns: Columns = {
        "a million of": itemgetter("kind"),
        **{part: _usd_of(part) for part in PARTS},
        "USD": lambda row: f"{sum(row[part] for part in PARTS):.2f}",
    }
    return table(f"What a million cost in stage `{STAGE}` (computed)", columns, rows)


def _usd_of(part: str) -> Callable[[Row], object]:
    return lambda row: f"{row[part]:.2f}"


def _counts(calls: Row) -> str:
    return ", ".join(f"{number:g} {operation}" for operation, number in calls.items())
