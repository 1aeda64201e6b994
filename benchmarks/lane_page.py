"""The tables of the line under load."""

from operator import itemgetter

from benchmarks.figures import Figures
from benchmarks.tables import Columns, table


def lane_tables(figures: Figures) -> str:
    """Goodput, fairness, the ETA and the day; nothing where they were not played."""
    if not figures.of("day"):
        return ""
    goodput: Columns = {
        "load": lambda row: f"{row['load']:g} ×",
        "line": lambda row: "yes" if row["line"] else "no",
        "calls": itemgetter("calls"),
        "goodput, of what the model bears": lambda row: f"{100 * row['goodput_share']:.0f} %",
        "answered": lambda row: f"{100 * row['answered']:.1f} %",
        "of them by a job": lambda row: f"{100 * row['later']:.0f} %",
        "p50 s": itemgetter("p50_s"),
        "p99 s": itemgetter("p99_s"),
    }
    fairness: Columns = {
        "the queue": lambda row: "a line for each tenant" if row["fair"] else "one line for all",
        "a small tenant waits: p50 s": itemgetter("small_p50_s"),
        "at most": itemgetter("small_max_s"),
        "the large one is done after s": itemgetter("big_done_s"),
    }
    day: Columns = {
        "tenants": itemgetter("tenants"),
        "jobs": itemgetter("jobs"),
        "the model is busy": lambda row: f"{100 * row['used']:.0f} %",
        "waiting: p50 s": itemgetter("wait_p50_s"),
        "p99 s": itemgetter("wait_p99_s"),
        "at most": itemgetter("wait_max_s"),
        "calls to the model": itemgetter("model_calls"),
        "lost": itemgetter("lost"),
        "repeated": itemgetter("repeated"),
        "reservations left open": itemgetter("open_reservations"),
    }
    (eta,) = figures.of("eta")
    told = (
        f"An ETA told on joining is off by {100 * eta['error_p50']:.0f} % (median) and {100 * eta['error_p90']:.0f} %"
    )
    return "\n".join(
        (
            table("More than the model bears (simulated)", goodput, figures.of("goodput")),
            table(
                "Ten thousand jobs of one tenant, and one of each of fifty (simulated)",
                fairness,
                figures.of("fairness"),
            ),
            "![Waits of small tenants](lane-fairness.svg)\n",
            f"{told} (p90), over {eta['jobs']} waits of more than 10 s.\n",
            table("A day with bursts (simulated)", day, figures.of("day")),
        )
    )
