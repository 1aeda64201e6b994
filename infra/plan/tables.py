"""A plan as tables: one list of sections, printed on a terminal, in the page and in the documentation alike."""

import re
from collections.abc import Iterator, Sequence
from html import escape

from msgspec import Struct

from infra.plan.memory import COLD_CPU_SECONDS, KINDS
from infra.plan.plan import Plan
from infra.plan.prices import DAYS, Prices
from infra.plan.simulated import Played, played
from infra.plan.waiting import WAYS

Row = tuple[object, ...]


class Section(Struct, frozen=True):
    """A table under a heading, with what has to be said of it."""

    title: str
    columns: tuple[str, ...]
    rows: list[Row]
    note: str = ""


def sections(plan: Plan, prices: Prices) -> Iterator[Section]:
    """Everything, in the order in which it is wanted."""
    yield summary(plan)
    yield money(plan)
    yield from _capacity(plan)
    yield quotas(plan)
    yield ways(plan)
    yield memory(plan)
    if plan.played:
        yield simulated(plan.played)
    yield _known(plan, prices)


def summary(plan: Plan) -> Section:
    """What it comes to."""
    load, needs, bill = plan.load, plan.needs, plan.bill
    broken = [each.quota.name for each in plan.quotas if each.breaks]
    rows: list[Row] = [
        ("stage", f"{needs.stage}: {needs.why}"),
        ("load", f"{load.turns:,.0f} turns a day, {load.mean:,.4g} a second on average, {load.peak:,g} at the peak"),
        ("infrastructure", f"{usd(bill.infrastructure)} a month, {usd(bill.per_turn * 1e6)} for a million turns"),
        (
            "model",
            f"{usd(bill.model)} a month: infrastructure is {bill.share:.1%} of it" if bill.model else "not asked",
        ),
        ("with no turn at all", f"{usd(bill.idle)} a month"),
        ("in front of the model", f"{1 - needs.mix.parts.missed:.1%} of the turns are answered"),
        ("quotas that break", "; ".join(broken) or "none"),
    ]
    return Section("Plan", ("", ""), rows)


def money(plan: Plan) -> Section:
    """The bill by part, the dearest first."""
    bill = plan.bill
    found = sorted(((usd, name) for name, usd in bill.parts.items() if usd >= CENT), reverse=True)
    rows: list[Row] = [(name, usd(amount), f"{amount / bill.infrastructure:.1%}") for amount, name in found]
    rows.append(("infrastructure", usd(bill.infrastructure), f"{bill.share:.1%} of the model's"))
    rows.append(("model", usd(bill.model), ""))
    return Section(
        "USD a month", ("part", "USD", "share"), rows, f"{DAYS:g} days; what is free each month is taken off."
    )


def _capacity(plan: Plan) -> Iterator[Section]:
    needs = plan.needs
    seen = {name: max((each.concurrency.get(name, 0) for each in plan.played), default=0) for name in needs.concurrency}
    rows: list[Row] = [
        (name, f"{most:,}", f"{seen[name]:,}" if seen[name] else "") for name, most in needs.concurrency.items()
    ]
    yield Section("Functions at once, at the peak", ("function", "computed: the mean", "simulated: the most"), rows)
    tables: list[Row] = [
        (table, f"{needs.write_units.get(table, 0):,.0f}", f"{units:,.0f}", needs.partitions[table])
        for table, units in needs.read_units.items()
    ]
    yield Section("Tables at the peak", ("table", "write units/s", "read units/s", "partitions, at least"), tables)
    hot: list[Row] = [
        (each.item, f"{each.units:,.0f}", f"{each.takes:,.0f}", "fits" if each.fits else each.do) for each in plan.hot
    ]
    yield Section("Items that everybody meets at", ("item", "units/s at the peak", "takes", "then"), hot)
    yield _rest(plan)


def _rest(plan: Plan) -> Section:
    needs, index = plan.needs, plan.needs.index
    rows: list[Row] = [
        ("plan of the largest tenant", f"shards: {plan.shards}"),
        ("jobs", f"{needs.line.jobs:,.3g} a second, {needs.line.jobs_at_peak:,.3g} at the peak"),
        (
            "workers (MaximumConcurrency)",
            f"{needs.line.workers:,} batches, {needs.line.in_hand:.1f} jobs in each on average",
        ),
        ("messages in flight", f"{needs.line.in_flight:,}"),
        ("index of meanings", f"{index.kind}: {index.why}"),
        ("entries", f"{index.entries:,}: {index.graph_gb:.3g} GB of graph, {index.disk_gb:.3g} GB on disk with a copy"),
        (
            "searches",
            f"{index.searches:,.0f} a second at the peak: {index.nodes} nodes or units, {index.shards} shards",
        ),
        ("the model's tokens a minute", f"{needs.model_tokens:,}, with a cap of {needs.cap:,} for each answer"),
        ("the model's requests a minute", f"{needs.model_requests:,}"),
    ]
    return Section("Line, index, model", ("", ""), rows)


def quotas(plan: Plan) -> Section:
    """Each quota against what is needed of it."""
    rows: list[Row] = [
        (
            each.quota.name,
            each.quota.code,
            "" if each.quota.default is None else f"{each.quota.default:,.0f}",
            f"{each.needed:,.0f}",
            each.how if each.breaks or each.quota.default is None else "enough",
        )
        for each in plan.quotas
    ]
    return Section("Quotas of the account", ("quota", "code", "default", "needed", "so"), rows)


def ways(plan: Plan) -> Section:
    """What waiting costs, and from where another way is cheaper."""
    waiting = plan.waiting
    rows: list[Row] = [(way, usd(waiting.usd[way])) for way in WAYS]
    for each in waiting.crossings:
        begins = "never" if each.turns is None else f"{each.turns:,.3g} turns a second on average"
        rows.append((f"{each.cheaper} are cheaper than {each.than} from".replace("line are", "the line is"), begins))
    note = (
        f"Of the turns that the model answers, in days of this shape; {max(waiting.instances)} instances at the height."
    )
    return Section("Waiting for the model, three ways", ("way", "USD a month"), rows, note)


def memory(plan: Plan) -> Section:
    """Time and price of each kind by memory."""
    sizes = [each.memory_mb for each in plan.memory[KINDS[0]]]
    rows: list[Row] = []
    for place, size in enumerate(sizes):
        row = [plan.memory[kind][place] for kind in KINDS]
        cells = [f"{1e3 * each.own_seconds:.0f} ms, {each.usd_per_million:,.3g}" for each in row]
        rows.append((size, *cells, f"{row[0].cold_seconds:.2g} s"))
    knees = ", ".join(f"{kind.replace('_', ' ')} {plan.knees[kind]:,}" for kind in KINDS)
    note = (
        "Time without the model's, and USD for a million turns with it. More memory saves less than a twentieth of a"
        f" turn's time from these MB on: {knees}. A cold start takes {COLD_CPU_SECONDS:g} s of a whole core."
    )
    return Section("Memory", ("MB", *(kind.replace("_", " ") for kind in KINDS), "cold start"), rows, note)


def simulated(plays: Sequence[Played]) -> Section:
    """The slices of the day."""
    rows: list[Row] = [
        (
            each.slice.name,
            f"1 of {each.slice.parts}" if each.slice.parts > 1 else "all",
            f"{each.sampled:,}",
            ", ".join(f"{share:.1%} {name}" for name, share in each.ends.items()),
            f"{each.wait_p50:.2g}, {each.wait_p99:.2g}",
            f"{each.throttles:.2%}",
            f"{each.most_waiting:,}",
            f"{each.started:,}",
        )
        for each in plays
    ]
    columns = ("slice", "tenants", "turns played", "ended", "p50, p99 s", "429", "most in line", "cold starts")
    return Section("The day, simulated", columns, rows, f"{played(plays):,} turns were played. {HOW}")


def _known(plan: Plan, prices: Prices) -> Section:
    seen = {how: sum(each.seen == how for each in prices.prices.values()) for how in ("page", "known", "guess")}
    rows: list[Row] = [
        ("measured", f"calls, units, bytes and CPU of each kind of turn: `{plan.measured_by}`, {plan.measured_at}"),
        ("computed", "concurrency, units, partitions, quotas, the index, money, and the curve by memory"),
        ("simulated", HOW if plan.played else "nothing: asked for with --quick"),
        (
            "assumed",
            "paces, 6 ms a call to DynamoDB, 4 bytes a token, a fifth of the input new, a year of conversations",
        ),
        (
            "prices",
            f"infra/prices.toml: {seen['page']} read on the page, {seen['known']} widely known, Regions guessed",
        ),
    ]
    return Section("What is known how", ("", ""), rows)


CENT = 0.005
_NUMBER = re.compile(r"[0-9][0-9,.]*( ?(USD|%|s))?")
_CODE = re.compile("`([^`]+)`")
HOW = (
    "By the product's own turn, gate, admission, ledger, exact cache, single flight, router, pool, quotas, line, worker"
    " and valve over memory, in virtual time; a hit by meaning is played as an exact one. Numbers are of the whole. The"
    " account's quotas are not played: it stands as if those that break had been raised."
)


def usd(amount: float) -> str:
    """Money: cents where they matter."""
    return f"{amount:,.0f} USD" if amount >= 100 else f"{amount:,.2f} USD"  # noqa: PLR2004 - three figures


def as_text(section: Section) -> str:
    """For a terminal."""
    rows = [tuple(map(str, row)) for row in section.rows]
    heads = [section.columns] if any(section.columns) else []
    wide = [max(len(row[place]) for row in (*heads, *rows)) for place in range(len(section.columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, wide, strict=True)).rstrip() for row in (*heads, *rows)
    ]
    return "\n".join([f"== {section.title}", *lines, *([section.note] if section.note else []), ""])


def as_markdown(section: Section) -> str:
    """For the documentation."""
    rule = tuple("---" for _ in section.columns)
    rows = [section.columns, rule, *(tuple(map(str, row)) for row in section.rows)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{table}\n" + (f"\n{section.note}\n" if section.note else "")


def as_html(section: Section) -> str:
    """For the page: columns of numbers are flush right, what is typed is in its own letters."""
    cells = [tuple(map(str, row)) for row in section.rows]
    sides = [_side(column) for column in zip(*cells, strict=True)]
    heads = "".join(f"<th{side}>{escape(name)}</th>" for name, side in zip(section.columns, sides, strict=True))
    rows = "".join(
        "<tr>" + "".join(f"<td{side}>{_typed(cell)}</td>" for cell, side in zip(row, sides, strict=True)) + "</tr>"
        for row in cells
    )
    head = f"<tr>{heads}</tr>" if any(section.columns) else ""
    note = f"<p>{_typed(section.note)}</p>" if section.note else ""
    return f"<h2>{escape(section.title)}</h2><div><table>{head}{rows}</table></div>{note}"


def _side(column: Sequence[str]) -> str:
    said = [cell for cell in column if cell]
    if said and all(map(_NUMBER.fullmatch, said)):
        return ' class="n"'
    return "" if any(" " in cell for cell in said) else ' class="w"'


def _typed(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", escape(text))
