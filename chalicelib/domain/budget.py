"""Limits, windows and charges: the arithmetic of the token ledger, all in integers.

Windows are aligned to the clock in UTC. A charge belongs to the windows of the moment it was reserved in, whenever
it is settled.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

SubjectKind = Literal["key", "user", "tenant"]
Window = Literal["minute", "day", "month"]
Meter = Literal["requests", "tokens", "usd_micros"]
Written = Callable[[int], str]
"""Writes an amount of one meter as people read it."""

WINDOWS: Final[tuple[Window, ...]] = ("minute", "day", "month")
MOST_SHARDS: Final = 16
HOT: Final[tuple[SubjectKind, ...]] = ("tenant",)
METERS: Final[tuple[Meter, ...]] = ("requests", "tokens", "usd_micros")


class Limit(Struct, frozen=True, forbid_unknown_fields=True):
    """What one kind of subject may use in one kind of window; None is no limit."""

    subject: SubjectKind
    window: Window
    requests: int | None = None
    tokens: int | None = None
    usd_micros: int | None = None


ProtectedTerm = Annotated[str, Meta(min_length=1, max_length=100)]
CacheMode = Literal["off", "shadow", "serve"]


class CacheRules(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a plan says of the cache; None leaves it to the stage. Where one has a protected term, both must."""

    mode: CacheMode | None = None
    max_error: Annotated[float, Meta(ge=0, le=1)] | None = None
    check_rate: Annotated[float, Meta(ge=0, le=1)] | None = None
    protected_terms: Annotated[tuple[ProtectedTerm, ...], Meta(max_length=200)] = ()
    ttl_seconds: Annotated[int, Meta(ge=1, le=31_536_000)] | None = None


class Plan(Struct, frozen=True, forbid_unknown_fields=True):
    """What a key may do. `models` None is every model; `shares_answers` lets a tenant's users share cached answers.

    With `shards`, what the subjects of the kinds in `hot` used is counted in so many items instead of one, which then
    bear so many times the turns a second. `fail_open` lets turns go on while the store cannot reserve for them.
    """

    name: str
    limits: tuple[Limit, ...] = ()
    concurrent: int | None = None
    models: tuple[str, ...] | None = None
    shares_answers: bool = False
    shards: Annotated[int, Meta(ge=0, le=MOST_SHARDS)] = 0
    hot: tuple[SubjectKind, ...] = HOT
    fail_open: bool = False
    cache: CacheRules | None = None


def together(plan: Plan, own: Plan | None) -> Plan:
    """What a key with `plan` may do where its tenant has a plan of its `own`: what both allow."""
    if own is None:
        return plan
    both = [each for each in (plan.models, own.models) if each is not None]
    places = [each for each in (plan.concurrent, own.concurrent) if each is not None]
    return Plan(
        name=plan.name,
        limits=plan.limits + own.limits,
        concurrent=min(places, default=None),
        models=tuple(model for model in both[0] if model in both[-1]) if both else None,
        shares_answers=plan.shares_answers,
        fail_open=plan.fail_open and own.fail_open,
        cache=own.cache or plan.cache,
        shards=max(plan.shards, own.shards),
        hot=tuple(dict.fromkeys(kind for each in (plan, own) if each.shards for kind in each.hot)),
    )


class Charge(Struct, frozen=True):
    """An amount of each meter: `usd_micros` are millionths of a dollar."""

    requests: int = 0
    tokens: int = 0
    usd_micros: int = 0

    def __sub__(self, other: Charge) -> Charge:
        """What this charge has over `other`; parts may be negative."""
        return Charge(self.requests - other.requests, self.tokens - other.tokens, self.usd_micros - other.usd_micros)

    def of(self, meter: Meter) -> int:
        """The amount of one meter."""
        amount: int = getattr(self, meter)
        return amount


class Subject(Struct, frozen=True):
    """Who is charged; `tag` names it in the database."""

    kind: SubjectKind
    tag: str


class Period(Struct, frozen=True):
    """One concrete window: a kind and when it began and ends, in epoch seconds."""

    window: Window
    starts: int
    ends: int

    @property
    def label(self) -> str:
        """The period's short name, unique and sortable within its kind: `m29384123`, `d20261121`, `n202611`."""
        if self.window == "minute":
            return f"m{self.starts // 60}"
        form = "d%Y%m%d" if self.window == "day" else "n%Y%m"
        return datetime.fromtimestamp(self.starts, UTC).strftime(form)


Balances = dict[tuple[SubjectKind, Window], Charge]
"""What each subject has used in each current window."""


class Gauge(Struct, frozen=True):
    """The tightest limit of one meter: its size, what is left, seconds until it resets."""

    limit: int
    remaining: int
    reset_seconds: int


class Standing(Struct, frozen=True):
    """What is left to a caller, for the `x-ratelimit-*` headers; None where there is no limit of that meter."""

    requests: Gauge | None = None
    tokens: Gauge | None = None


def period(window: Window, now: float) -> Period:
    """The period of `window` that `now` (epoch seconds) falls in."""
    second = int(now)
    if window == "minute":
        return Period(window, second - second % 60, second - second % 60 + 60)
    if window == "day":
        return Period(window, second - second % 86400, second - second % 86400 + 86400)
    first = datetime.fromtimestamp(second, UTC).replace(day=1, hour=0, minute=0, second=0)
    after = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    return Period(window, int(first.timestamp()), int(after.timestamp()))


def carried(balances: Balances, since: float, now: float) -> Balances:
    """What balances of `since` still say at `now`: nothing of a window that has begun anew."""
    stays = {window: period(window, since) == period(window, now) for window in WINDOWS}
    return {(kind, window): used for (kind, window), used in balances.items() if stays[window]}


def describe(limit: Limit, meter: Meter) -> str:
    """The limit in words, for an error: `tokens per minute of the key (1000)`, `dollars per day of the key ($2.50)`."""
    words = meter.replace("usd_micros", "dollars")
    return f"{words} per {limit.window} of the {limit.subject} ({written(size(limit, meter) or 0, meter)})"


def written(amount: int, meter: Meter) -> str:
    """An amount of a meter as people read it: money in dollars, to the last micro-USD."""
    if meter != "usd_micros":
        return str(amount)
    whole, micros = divmod(amount, 1_000_000)
    cents = f"{micros:06}"
    return f"${whole:,}.{cents[:2]}{cents[2:].rstrip('0')}"


def size(limit: Limit, meter: Meter) -> int | None:
    """How much of `meter` the limit allows in a window."""
    amount: int | None = getattr(limit, meter)
    return amount


def standing(plan: Plan, balances: Balances, spent: Charge, now: float) -> Standing:
    """What is left of the tightest limits once `spent` is added to `balances`."""
    return Standing(
        requests=_gauge(plan, balances, "requests", spent=spent, now=now),
        tokens=_gauge(plan, balances, "tokens", spent=spent, now=now),
    )


def refused(known: Standing, gauge: tuple[str, Gauge] | None) -> Standing:
    """What is left, told by the limit that refused where headers have its meter."""
    match gauge:
        case ("requests", found):
            return Standing(found, known.tokens)
        case ("tokens", found):
            return Standing(known.requests, found)
        case _:
            return known


def _gauge(plan: Plan, balances: Balances, meter: Meter, *, spent: Charge, now: float) -> Gauge | None:
    """The limit of `meter` with the smallest share left, or None where the plan has none."""
    gauges = []
    for limit in plan.limits:
        allowed = size(limit, meter)
        if allowed is not None:
            used = balances.get((limit.subject, limit.window), Charge()).of(meter) + spent.of(meter)
            gauges.append(Gauge(allowed, max(0, allowed - used), _reset_seconds(limit.window, now)))
    return min(gauges, key=lambda each: each.remaining / max(each.limit, 1), default=None)


def _reset_seconds(window: Window, now: float) -> int:
    return max(1, int(period(window, now).ends - now + 0.999))
