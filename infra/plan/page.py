"""Writes the tables and plots of `docs/scaling.md`: `python -m infra.plan.page`.

A table stands between `<!-- plan NAME -->` and `<!-- end -->`. Nothing is simulated for them, so that they are the
same on every machine.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from infra.plan import counts as measured
from infra.plan import prices as price_list
from infra.plan.load import checked, load_of, parser
from infra.plan.mix import CHAT
from infra.plan.plan import Plan, planned
from infra.plan.plots import drawn, save
from infra.plan.prices import Prices
from infra.plan.quotas import Demand
from infra.plan.tables import CENT, Row, Section, as_markdown, memory, usd
from infra.plan.waiting import WAYS
from infra.stages import STAGES, Stage

PAGE: Final = Path(__file__).parents[2] / "docs" / "scaling.md"
TURN: Final = "--input-tokens 1500 --output-tokens 400 --hit-rate 0.2"
MEANING: Final = f"{TURN} --semantic-rate 0.1"
LOADS: Final[Mapping[str, str]] = {
    "1 user": f"--users 1 --turns-per-day 20 --peak 0.5 {TURN}",
    "100": f"--users 100 --turns-per-day 15 --peak 1 {TURN}",
    "10,000": f"--users 10000 --turns-per-day 10 --peak 20 {MEANING}",
    "1 M": f"--users 1000000 --turns-per-day 10 --peak 500 {MEANING}",
    "1 M, bursts of 10,000/s": f"--users 1000000 --turns-per-day 10 --peak 10000 {MEANING}",
}
PLOTTED: Final = "10,000"
PLOTS: Final = ("memory", "waiting")
_BLOCK: Final = re.compile(r"(<!-- plan ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def plans(prices: Prices) -> dict[str, Plan]:
    """The plan of each load of the page."""
    counts = measured.read()
    return {
        name: planned(checked(load_of(parser().parse_args(given.split())), prices), counts, prices)
        for name, given in LOADS.items()
    }


def tables(found: Mapping[str, Plan]) -> dict[str, str]:
    """Every table of the page by its name."""
    made = {"loads": _loads(), "stages": _stages(), "needs": _needs(found), "costs": _costs(found)}
    made |= {"quotas": _quotas(found), "waiting": _waiting(found), "memory": memory(found[PLOTTED])}
    return {name: as_markdown(section) for name, section in made.items()}


def written(text: str, made: Mapping[str, str]) -> str:
    """The page with every table in its place."""
    return _BLOCK.sub(lambda block: f"{block[1]}{made[block[2]]}{block[3]}", text)


def _loads() -> Section:
    return Section(
        "", ("load", "options of `python -m infra.plan`"), [(name, f"`{given}`") for name, given in LOADS.items()]
    )


def _stages() -> Section:
    """What differs between stages, and nothing that does not."""
    columns = [_settings(stage) for stage in STAGES.values()]
    names = [name for name in columns[0] if len({column[name] for column in columns}) > 1]
    rows: list[Row] = [(name, *(column[name] for column in columns)) for name in names]
    return Section("", ("setting", *STAGES), rows)


def _settings(stage: Stage) -> dict[str, str]:
    search, throttle = stage.search, stage.throttle
    nodes = f"{search.nodes} × {search.instance}, {search.zones} zones"
    memories = sorted({(size.memory_mb, name) for name, size in stage.functions.items()})
    return {
        "memory of a function that answers": f"{stage.functions[CHAT].memory_mb} MB",
        "least memory of another": f"{memories[0][0]} MB",
        "provisioned": ", ".join(f"{n} {s.provisioned}" for n, s in stage.functions.items() if s.provisioned) or "none",
        "reserved": ", ".join(f"{n} {s.reserved}" for n, s in stage.functions.items() if s.reserved) or "none",
        "let in": f"{throttle.per_second:,}/s, bursts of {throttle.burst:,}",
        "workers at first": str(stage.workers),
        "index of meanings": {"none": "in the process", "serverless": "OpenSearch Serverless"}.get(search.kind, nodes),
        "warm throughput": ", ".join(f"{name} {warm.writes:,}" for name, warm in stage.warm.items())
        or "DynamoDB's own",
        "point in time recovery": _yes(yes=stage.history),
        "WAF": _yes(yes=stage.firewall),
        "X-Ray": _yes(yes=stage.tracing),
        "a key of your own": _yes(yes=stage.own_key),
        "logs are kept": f"{stage.log_days} days",
        "alarm of the budget": f"{stage.budget_usd:,} USD",
    }


def _yes(*, yes: bool) -> str:
    return "yes" if yes else "no"


def _needs(found: Mapping[str, Plan]) -> Section:
    def told(plan: Plan) -> Iterator[tuple[str, str]]:
        needs, fullest = plan.needs, plan.hot[0]
        yield "stage", needs.stage
        yield "turns/s: mean, peak", f"{plan.load.mean:,.3g}, {plan.load.peak:,g}"
        yield "functions at once", f"{sum(needs.concurrency.values()):,}"
        yield "write units/s, all tables", f"{sum(needs.write_units.values()):,.0f}"
        yield "read units/s, all tables", f"{sum(needs.read_units.values()):,.0f}"
        yield "partitions of the ledger, at least", f"{needs.partitions['ledger']:,}"
        yield "`shards` of the largest tenant's plan", str(plan.shards)
        yield "fullest item", f"{fullest.item}: {fullest.units / fullest.takes:.0%}"
        yield "index of meanings", needs.index.kind + (f": {needs.index.nodes}" if needs.index.nodes else "")
        yield "entries in it", f"{needs.index.entries:,}"
        yield "the model's tokens a minute", f"{needs.model_tokens:,}"

    return _beside(found, {name: dict(told(plan)) for name, plan in found.items()})


def _costs(found: Mapping[str, Plan]) -> Section:
    parts = sorted({part for plan in found.values() for part, usd in plan.bill.parts.items() if usd >= CENT})

    def told(plan: Plan) -> dict[str, str]:
        bill = plan.bill
        rows = {part: usd(bill.parts.get(part, 0.0)) for part in parts}
        rows |= {"**infrastructure**": usd(bill.infrastructure), "of the model": f"{bill.share:.1%}"}
        rows |= {"a million turns": usd(bill.per_turn * 1e6), "model": usd(bill.model)}
        return rows | {"with no turn at all": usd(bill.idle)}

    return _beside(found, {name: told(plan) for name, plan in found.items()})


def _quotas(found: Mapping[str, Plan]) -> Section:
    rows: list[Row] = []
    for name, plan in found.items():
        known = [each for each in plan.quotas if each.quota.default is not None]
        broken = [_broken(each) for each in known if each.breaks]
        left = next((each for each in known if not each.breaks), None)
        room = (
            "" if left is None else f"{left.quota.name}, at {(left.quota.default or 0) / left.needed:,.3g} × this load"
        )
        rows.append((name, "; ".join(broken) or "none", room))
    return Section("", ("load", "breaks: needed of the default", "breaks next"), rows)


def _broken(each: Demand) -> str:
    code = f" (`{each.quota.code}`)" if each.quota.code else ""
    return f"{each.quota.name}{code}: {each.needed:,.0f} of {each.quota.default:,.0f}"


def _waiting(found: Mapping[str, Plan]) -> Section:
    def told(plan: Plan) -> dict[str, str]:
        rows: dict[str, str] = {way: usd(plan.waiting.usd[way]) for way in WAYS}
        for each in plan.waiting.crossings:
            begins = "never" if each.turns is None else f"{each.turns:.2g} turns/s"
            rows[f"{each.cheaper} below {each.than} from"] = begins
        return rows

    return _beside(found, {name: told(plan) for name, plan in found.items()})


def _beside(found: Mapping[str, Plan], columns: Mapping[str, Mapping[str, str]]) -> Section:
    """A column for each load."""
    names = list(next(iter(columns.values())))
    return Section("", ("", *found), [(name, *(column[name] for column in columns.values())) for name in names])


def main() -> None:
    """Write the page and its plots."""
    prices = price_list.read()
    found = plans(prices)
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables(found)), encoding="utf-8")
    figures = drawn(found[PLOTTED], measured.read(), prices)
    for name in PLOTS:
        save(figures[name], PAGE.with_name(f"plan-{name}.svg"))


if __name__ == "__main__":
    main()
