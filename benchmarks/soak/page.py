"""The tables of `make soak`."""

from operator import itemgetter
from typing import Final

from benchmarks.figures import Figures, Row
from benchmarks.tables import Columns, table

_BESIDE: Final = ("soak_load", "soak_recovery", "soak_slow", "soak_edge", "soak_sockets", "soak_steady")
_NOT_TOLD: Final = frozenset({"bench"})


def soak_tables(figures: Figures) -> str:
    """What held, and the figures behind it."""
    return "\n".join((figures.told(), "", _holds(figures), _overload(figures), _growth(figures), _rest(figures)))


def _holds(figures: Figures) -> str:
    columns: Columns = {
        "row": itemgetter("row"),
        "what": itemgetter("what"),
        "figure": itemgetter("figure"),
        "held": lambda row: "yes" if row["held"] else "**no**",
    }
    return table("What must hold", columns, figures.of("soak_holds"))


def _overload(figures: Figures) -> str:
    columns: Columns = {
        "load": lambda row: f"{row['factor']:g} times",
        "calls": itemgetter("calls"),
        "goodput, of the most": itemgetter("goodput"),
        "refused": itemgetter("refused"),
        "refusal p99 ms": itemgetter("refusal_p99_ms"),
        "gave up": itemgetter("gave_up"),
        "answered: p50 ms": itemgetter("p50_ms"),
        "p99 ms": itemgetter("p99_ms"),
    }
    peak = figures.of("soak_peak")[0]
    most = f"At most {peak['answered_per_second']:g} calls a second were answered, to {peak['callers']} callers.\n"
    return f"{table('Too much load', columns, figures.of('soak_overload'))}\n{most}"


def _growth(figures: Figures) -> str:
    columns: Columns = {
        "process": itemgetter("process"),
        "RSS MB": itemgetter("resident_mb"),
        "MB an hour": lambda row: f"{row['mb_an_hour']:g} ± {row['error']:g}",
        "descriptors": itemgetter("descriptors"),
        "more": itemgetter("more_descriptors"),
        "threads": itemgetter("threads"),
        "more threads": itemgetter("more_threads"),
    }
    return table("At half of that, for long", columns, figures.of("soak_growth"))


def _rest(figures: Figures) -> str:
    rows = [row for name in _BESIDE for row in figures.of(name)]
    columns: Columns = {"scene": lambda row: row["bench"].removeprefix("soak_"), "figures": _told}
    return table("Scene by scene", columns, rows)


def _told(row: Row) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_short(value)}" for name, value in row.items() if name not in _NOT_TOLD
    )


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "(" + ", ".join(f"{name}: {each}" for name, each in value.items()) + ")"
    return f"{value:g}" if isinstance(value, float) else str(value)
