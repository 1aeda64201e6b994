"""Usage as JSON, and as a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

import msgspec
from chalice.app import Response
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.budget import METERS, Charge, Meter, SubjectKind, Window
from chalicelib.domain.identity import KeyState
from chalicelib.domain.jobs import Queue
from chalicelib.domain.keys import Found, Wanted
from chalicelib.domain.turn import Caller
from chalicelib.domain.usage import Line
from chalicelib.edge.admin_wire import key_view
from chalicelib.edge.call import Call
from chalicelib.edge.gateway import JSON, Headers
from chalicelib.edge.past_wire import DAY_COLUMNS, DayView, PastView, day_rows, day_views, iso, past_views
from chalicelib.edge.table_text import CSV, Cell, table_text
from chalicelib.pipeline.accounts import Own, Statement

NEXT: Final = "x-tidegate-next"

_FIGURES: Final = ("used", "reserved", "limit", "remaining", "saved")
_COLUMNS: Final = (
    "subject",
    "id",
    "window",
    "reset",
    "reset_at",
    "cost_usd_micros",
    *(f"{meter}_{figure}" for meter in METERS for figure in _FIGURES),
)
_OWN: Final = ("tenant", "user", "key_id", "plan")
_WHOSE: Final = ("tenant", "user", "key_id", "name", "plan", "status")


class Amounts(Struct, frozen=True):
    """An amount of each meter; None is no limit."""

    requests: int | None
    tokens: int | None
    usd_micros: int | None


class LineView(Struct, frozen=True, kw_only=True):
    """One subject in one window. `used` and `cost_usd_micros` include what is `reserved`."""

    subject: SubjectKind
    id: str
    window: Window
    reset: int
    reset_at: str
    used: Charge
    reserved: Charge
    limit: Amounts
    remaining: Amounts
    cost_usd_micros: int
    saved: Charge


class UsageView(Struct, frozen=True, kw_only=True):
    """What a caller used."""

    object: Literal["usage"] = "usage"
    tenant: str
    user: str
    key_id: str
    plan: str
    data: Sequence[LineView]
    line: Queue
    history: Sequence[PastView] | UnsetType = UNSET
    days: Sequence[DayView] | UnsetType = UNSET


class AccountView(Struct, frozen=True, kw_only=True):
    """What one key used."""

    id: str
    user: str
    name: str
    plan: str
    status: KeyState
    usage: Sequence[LineView]


class StatementView(Struct, frozen=True, kw_only=True):
    """What a tenant, or one user of it, used: in all, and a page of its keys."""

    object: Literal["list"] = "list"
    tenant: str
    user: str | None
    total: Sequence[LineView]
    data: Sequence[AccountView]
    line: Queue
    history: Sequence[PastView] | UnsetType = UNSET
    days: Sequence[DayView] | UnsetType = UNSET
    has_more: bool
    next: str | None


def wants_past(call: Call) -> bool:
    """Whether earlier periods are to be told too. The table is then that of a user's days."""
    return call.query("history") in {"1", "true"}


def usage_response(call: Call, caller: Caller, own: Own) -> Response:
    """A caller's own usage, in the form that the call accepts."""
    who = caller.principal
    if _wants_table(call) and own.days is not None:
        return _table(DAY_COLUMNS, day_rows(who.tenant, who.user, own.days))
    if _wants_table(call):
        owner = (who.tenant, who.user, who.key_id, who.plan)
        return _table((*_OWN, *_COLUMNS), ((*owner, *_cells(line)) for line in own.lines))
    view = UsageView(
        tenant=who.tenant,
        user=who.user,
        key_id=who.key_id,
        plan=who.plan,
        data=[_view(line) for line in own.lines],
        line=own.queue,
        history=past_views(own.past),
        days=day_views(own.days),
    )
    return _json(view)


def statement_response(call: Call, wanted: Wanted, found: Found, statement: Statement) -> Response:
    """A tenant's usage, in the form that the call accepts."""
    if _wants_table(call) and statement.days is not None:
        return _table(DAY_COLUMNS, day_rows(wanted.tenant, wanted.user, statement.days))
    if _wants_table(call):
        return _table((*_WHOSE, *_COLUMNS), _account_rows(call, wanted, statement), found.next)
    accounts = ((key_view(each.key, call.now), each.lines) for each in statement.accounts)
    view = StatementView(
        tenant=wanted.tenant,
        user=wanted.user,
        total=[_view(line) for line in statement.total],
        data=[
            AccountView(
                id=key.id,
                user=key.user,
                name=key.name,
                plan=key.plan,
                status=key.status,
                usage=[_view(line) for line in lines],
            )
            for key, lines in accounts
        ],
        line=statement.queue,
        history=past_views(statement.past),
        days=day_views(statement.days),
        has_more=found.next is not None,
        next=found.next,
    )
    return _json(view)


def _account_rows(call: Call, wanted: Wanted, statement: Statement) -> Iterator[tuple[Cell, ...]]:
    for line in statement.total if wanted.after is None else ():
        yield (wanted.tenant, wanted.user, None, None, None, None, *_cells(line))
    for account in statement.accounts:
        key = key_view(account.key, call.now)
        for line in account.lines:
            yield (key.tenant, key.user, key.id, key.name, key.plan, key.status, *_cells(line))


def _view(line: Line) -> LineView:
    return LineView(
        subject=line.subject.kind,
        id=line.subject.tag,
        window=line.period.window,
        reset=line.period.ends,
        reset_at=iso(line.period.ends),
        used=line.use.used,
        reserved=line.use.held,
        limit=Amounts(*(line.limit(meter) for meter in METERS)),
        remaining=Amounts(*(line.remaining(meter) for meter in METERS)),
        cost_usd_micros=line.use.used.usd_micros,
        saved=line.use.saved,
    )


def _cells(line: Line) -> tuple[Cell, ...]:
    """The line under `_COLUMNS`."""
    place = (line.subject.kind, line.subject.tag, line.period.window, line.period.ends, iso(line.period.ends))
    figures = (figure for meter in METERS for figure in _figures(line, meter))
    return (*place, line.use.used.usd_micros, *figures)


def _figures(line: Line, meter: Meter) -> tuple[Cell, ...]:
    """One meter's figures in the order of `_FIGURES`."""
    use = line.use
    return (use.used.of(meter), use.held.of(meter), line.limit(meter), line.remaining(meter), use.saved.of(meter))


def _wants_table(call: Call) -> bool:
    """Whether `Accept` names CSV, and JSON not before it."""
    kinds = [part.partition(";")[0].strip().lower() for part in call.header("accept").split(",")]
    return "text/csv" in kinds and JSON not in kinds[: kinds.index("text/csv")]


def _table(header: tuple[str, ...], rows: Iterator[tuple[Cell, ...]], following: str | None = None) -> Response:
    headers: Headers = {"Content-Type": CSV, "Content-Disposition": 'attachment; filename="usage.csv"', **_VARY}
    if following is not None:
        headers[NEXT] = following
    return Response(table_text(header, rows), headers)


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value).decode(), {"Content-Type": JSON, **_VARY})


_VARY: Final = {"Vary": "Accept"}
