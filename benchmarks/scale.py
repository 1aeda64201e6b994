"""`python -m benchmarks.scale`: what a turn costs and takes, from one user to a million, into docs/benchmarks.md.

The planner's own functions, over loads that differ in the number of users alone; nothing here models anything.
"""

import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from benchmarks.figures import Row
from benchmarks.page import PAGE, replace_between
from benchmarks.scale_plot import cost_plot, latency_plot
from benchmarks.tables import Columns, table
from infra.plan import counts as measured
from infra.plan import prices as price_list
from infra.plan.counts import Counts
from infra.plan.load import DAY, Load, checked
from infra.plan.memory import Size
from infra.plan.mix import CHAT
from infra.plan.plan import Plan, planned
from infra.plan.plots import save
from infra.plan.prices import Prices
from infra.plan.simulated import Played, play, sample_of, slices
from infra.stages import STAGES

BEGIN: Final = "<!-- figures: `python -m benchmarks.scale` writes what follows -->"
END: Final = "<!-- end of the figures by users -->"
USERS: Final = tuple(round(10 ** (step / 2)) for step in range(13))
PLAYED: Final = (1, 100, 10_000, 1_000_000)
TOLD: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
KINDS: Final = ("exact_hit", "semantic_hit", "miss", "stream")
SEED: Final = 20_261_122
TURNS_A_DAY: Final = 10
MEANT: Final = 10_000  # users from whom on questions are found by meaning: docs/scaling.md
_GROUPS: Final = {"API Gateway": "way in", "data out": "way in", "WAF": "way in", "Lambda": "Lambda"}
_APART: Final = {"Lambda, waiting": "Lambda, waiting"}
_REST: Final = "metrics, alarms, the rest"


class Point(Struct, frozen=True):
    """One number of users: the plan, and the worst minutes of its day where they were played."""

    users: int
    plan: Plan
    played: Played | None = None

    @property
    def parts(self) -> dict[str, float]:
        """USD for a million turns, by what asks for it."""
        found: dict[str, float] = {}
        for part, usd in self.plan.bill.parts.items():
            name = group_of(part)
            found[name] = found.get(name, 0.0) + usd / self.plan.bill.turns * 1e6
        return found

    @property
    def model(self) -> float:
        """USD for a million turns that the model asks."""
        return self.plan.bill.model / self.plan.bill.turns * 1e6

    def size(self, kind: str) -> Size:
        """A kind of turn in the memory that the stage gives it."""
        memory_mb = STAGES[self.plan.needs.stage].functions[CHAT].memory_mb
        return next(each for each in self.plan.memory[kind] if each.memory_mb == memory_mb)


def group_of(part: str) -> str:
    """Under what a part of the bill is told."""
    first = part.partition(",")[0]
    return _APART.get(part) or _GROUPS.get(first) or (first if first in {"DynamoDB", "OpenSearch"} else _REST)


def load_of(users: int, prices: Prices) -> Load:
    """The load of docs/scaling.md; its peak is three times the mean and fifteen times the root of it."""
    mean = users * TURNS_A_DAY / DAY
    load = Load(
        users=users,
        turns_per_day=TURNS_A_DAY,
        peak=3 * mean + 15 * mean**0.5,
        input_tokens=1_500,
        output_tokens=400,
        hit_rate=0.2,
        semantic_rate=0.1 if users >= MEANT else 0.0,
    )
    return checked(load, prices)


def points(users: Sequence[int], plays: Sequence[int], counts: Counts, prices: Prices) -> list[Point]:
    """Every number of users, planned; of some the worst minutes played."""
    found = [Point(each, planned(load_of(each, prices), counts, prices)) for each in users]
    return [Point(each.users, each.plan, _worst(each.plan, counts, prices, plays)) for each in found]


def _worst(plan: Plan, counts: Counts, prices: Prices, plays: Sequence[int]) -> Played | None:
    """The last of the day's slices: its burst, or the whole of a small one."""
    if plan.load.users not in plays:
        return None
    part = slices(plan.day, plan.needs, plan.load.quota)[-1]
    sample = sample_of(plan.load, plan.needs, prices.paces[plan.load.model], counts, part.parts)
    return play(part, plan.day, sample, tenants=plan.load.customers, seed=SEED, tell=lambda _: None)


def tables(found: Sequence[Point], counts: Counts) -> str:
    """Both tables, and what they were made of."""
    told = [each for each in found if each.users in TOLD]
    where = ", ".join(f"{name} {value}" for name, value in counts.machine.items())
    made = f"Measured figures: `{counts.command}`, {counts.measured_at}, {where}. Played on Python {_version()}."
    pictures = "![Cost by users](scale-cost.svg)\n\n![Latency by users](scale-latency.svg)\n"
    return "\n".join((made, "", _costs(told), _times(told), pictures))


def _costs(told: Sequence[Point]) -> str:
    names = list(dict.fromkeys(name for each in told for name in each.parts))
    columns: Columns = {
        "users": lambda row: f"{row['point'].users:,}",
        "stage": lambda row: row["point"].plan.needs.stage,
        "turns/s: mean, peak": lambda row: f"{row['point'].plan.load.mean:.3g}, {row['point'].plan.load.peak:.3g}",
        **{name: _cell(name) for name in names},
        "infrastructure": lambda row: f"**{row['point'].plan.bill.per_turn * 1e6:,.2f}**",
        "model": lambda row: f"{row['point'].model:,.0f}",
        "infrastructure / model": lambda row: f"{row['point'].plan.bill.share:.1%}",
    }
    return table("USD for a million turns (computed)", columns, _rows(told))


def _times(told: Sequence[Point]) -> str:
    columns: Columns = {
        "users": lambda row: f"{row['point'].users:,}",
        "functions at once (computed)": lambda row: f"{sum(row['point'].plan.needs.concurrency.values()):,}",
        **{f"{kind.replace('_', ' ')}, own ms (computed)": _own(kind) for kind in KINDS},
        "cold start adds s (computed)": lambda row: f"{row['point'].size('miss').cold_seconds:.2g}",
        "p50, p99 s with the model, no cold start, worst minutes (simulated)": _played(
            lambda it: f"{it.wait_p50:.2g}, {it.wait_p99:.2g}"
        ),
        "429 a turn (simulated)": _played(lambda it: f"{it.throttles:.2%}"),
        "turns that start a process (simulated)": _played(lambda it: f"{it.started / max(1, it.turns):.1%}"),
    }
    return table("How long a turn takes", columns, _rows(told))


def _rows(told: Sequence[Point]) -> list[Row]:
    return [{"point": each} for each in told]


def _cell(name: str) -> Callable[[Row], object]:
    return lambda row: f"{row['point'].parts.get(name, 0.0):,.2f}"


def _own(kind: str) -> Callable[[Row], object]:
    return lambda row: f"{row['point'].size(kind).own_seconds * 1e3:.0f}"


def _played(told: Callable[[Played], str]) -> Callable[[Row], object]:
    return lambda row: "" if row["point"].played is None else told(row["point"].played)


def _version() -> str:
    return f"{platform.python_version()}, {os.cpu_count()} cores, seed {SEED}"


def main(page: Path = PAGE) -> None:
    """Plan, play, and write the tables and the plots."""
    counts, prices = measured.read(), price_list.read()
    found = points(USERS, PLAYED, counts, prices)
    replace_between(BEGIN, END, tables(found, counts), page)
    save(cost_plot(found), page.with_name("scale-cost.svg"))
    save(latency_plot(found, KINDS), page.with_name("scale-latency.svg"))


if __name__ == "__main__":
    main()
