"""What was used in earlier periods, and what became of a user's turns day by day, as callers see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from chalicelib.domain.budget import Charge, SubjectKind, Window
from chalicelib.domain.usage import Day, Outcome, Past, Tally
from chalicelib.edge.table_text import Cell


class PastView(Struct, frozen=True, kw_only=True):
    """One subject in one month or day, over or not; `saved` is null where it is not known any more."""

    subject: SubjectKind
    id: str
    window: Window
    starts: int
    starts_at: str
    used: Charge
    saved: Charge | None


class DayView(Struct, frozen=True, kw_only=True):
    """What became of turns of one day and model: what was charged for them, and what the cache saved."""

    date: str
    model: str
    outcome: Outcome
    turns: int
    input_tokens: int
    output_tokens: int
    usd_micros: int
    saved_tokens: int
    saved_usd_micros: int


DAY_COLUMNS: Final = ("tenant", "user", *DayView.__struct_fields__)


def past_views(past: Sequence[Past] | None) -> Sequence[PastView] | UnsetType:
    """Left out where nobody asked."""
    return UNSET if past is None else [_past_view(each) for each in past]


def day_views(days: Sequence[Day] | None) -> Sequence[DayView] | UnsetType:
    """The oldest first; left out where nobody asked, or where it is not known."""
    if days is None:
        return UNSET
    return [_day_view(day, outcome, tally) for day in days for outcome, tally in sorted(day.outcomes.items())]


def day_rows(tenant: str, user: str | None, days: Sequence[Day]) -> Iterator[tuple[Cell, ...]]:
    """The same under `DAY_COLUMNS`."""
    for view in day_views(days) or ():
        yield (tenant, user, *msgspec.structs.astuple(view))


def iso(moment: int) -> str:
    """An epoch second as `2026-11-22T00:00:00Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _past_view(past: Past) -> PastView:
    return PastView(
        subject=past.subject.kind,
        id=past.subject.tag,
        window=past.period.window,
        starts=past.period.starts,
        starts_at=iso(past.period.starts),
        used=past.used,
        saved=past.saved,
    )


def _day_view(day: Day, outcome: Outcome, tally: Tally) -> DayView:
    date = iso(day.period.starts)[:10]
    return DayView(date=date, model=day.model, outcome=outcome, **msgspec.structs.asdict(tally))
