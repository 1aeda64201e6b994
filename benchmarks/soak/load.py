"""Load with everything on, then more than there is room for: rows 38 and 15."""

import asyncio
import time
from collections.abc import Iterator
from statistics import fmean, median
from typing import Final

from benchmarks.figures import quantile, rounded
from benchmarks.soak.books import ledger_of
from benchmarks.soak.crowd import OK, Crowd, Tally, Wish, at_ease, at_rate
from benchmarks.soak.mix import Tenant, talk, tenant
from benchmarks.soak.stage import Stage

CALLERS: Final = 16
FACTORS: Final = (1.0, 3.0, 10.0)
_CONVERSATIONS: Final = 20
_BUDGET: Final = 4_000
_RAMP_S: Final = 3.0
_BREATH_S: Final = 1.0
_REFUSED: Final = 429
_LEAST_GOODPUT: Final = {FACTORS[1]: 0.9, FACTORS[2]: 0.5}
"""Of the most, by the load: the first is promised, and the second is no collapse."""
_USED_UP: Final = 0.9
_MOST_REFUSAL_MS: Final = 50.0


async def load(stage: Stage, seconds: float) -> None:
    """Two tenants, one with a budget that does not last: it is used up, and the other is answered each time."""
    wide, tight = tenant(stage.product, "wide"), tenant(stage.product, "tight", _BUDGET)
    crowd, wishes = Crowd(stage.product.port), _talk(stage, wide, tight)
    tally = await at_ease(crowd, wishes, CALLERS, seconds)
    crowd.close()
    stage.figures.add("soak_load", callers=CALLERS, calls=len(tally.calls), **_times(tally), statuses=statuses(tally))
    lost = tally.faults + tally.gave_up
    stage.holds(38, "load: faults of the server", f"{lost} of {len(tally.calls)}", held=lost == 0)
    asked = tally.of(wide.key)
    good, calls = asked.statuses[OK], len(asked.calls)
    stage.holds(38, "load: answered, of what one without a limit asked", f"{good} of {calls}", held=0 < good == calls)
    used = ledger_of(stage.product, tight)["used"] / _BUDGET
    stage.holds(38, "load: what is used of a budget that does not last", rounded(used), held=used >= _USED_UP)
    stage.settle("load", [wide, tight], exact=True)


async def overload(stage: Stage, seconds: float) -> float:
    """How many calls a second are answered at most, and what is left of that when more come; returns the most.

    The most is measured before and after each load, since others may have the machine too.
    """
    crowded = tenant(stage.product, "crowded")
    crowd, wishes = Crowd(stage.product.port), _talk(stage, crowded)
    bests = [await _best(crowd, wishes, seconds)]
    for factor in FACTORS:
        began = time.perf_counter()
        tally = await at_rate(crowd, wishes, lambda _, rate=factor * bests[0]: rate, _RAMP_S + seconds)  # type: ignore[misc]
        good = tally.answered(began + _RAMP_S, began + _RAMP_S + seconds)
        await asyncio.sleep(_BREATH_S)
        bests.append(await _best(crowd, wishes, seconds))
        _tell(stage, factor, good / fmean(bests[-2:]), tally)
    crowd.close()
    stage.figures.add("soak_peak", callers=CALLERS, answered_per_second=rounded(median(bests)))
    stage.settle("overload", [crowded])
    return median(bests)


async def _best(crowd: Crowd, wishes: Iterator[Wish], seconds: float) -> float:
    await at_ease(crowd, wishes, CALLERS, _BREATH_S)
    began = time.perf_counter()
    return (await at_ease(crowd, wishes, CALLERS, seconds)).answered(began, began + seconds)


def _tell(stage: Stage, factor: float, goodput: float, tally: Tally) -> None:
    refusals = [call for call in tally.calls if call.status == _REFUSED]
    waited = quantile([call.took for call in refusals], 0.99) * 1e3 if refusals else 0.0
    unsaid = sum(not call.retry_after for call in refusals)
    stage.figures.add(
        "soak_overload",
        factor=factor,
        calls=len(tally.calls),
        goodput=rounded(goodput),
        refused=len(refusals),
        without_retry_after=unsaid,
        refusal_p99_ms=rounded(waited),
        faults=tally.faults,
        gave_up=tally.gave_up,
        statuses=statuses(tally),
        **_times(tally),
    )
    if least := _LEAST_GOODPUT.get(factor):
        what = f"overload: goodput at {factor:g} times, of the most"
        stage.holds(15, what, rounded(goodput), held=goodput >= least)
        held = bool(refusals) and waited <= _MOST_REFUSAL_MS
        stage.holds(15, f"overload at {factor:g}: ms of a refusal, p99", rounded(waited), held=held)
    stage.holds(
        15,
        f"overload at {factor:g}: refusals without Retry-After, faults, callers who gave up",
        f"{unsaid}, {tally.faults}, {tally.gave_up}",
        held=unsaid == tally.faults == tally.gave_up == 0,
    )


def statuses(tally: Tally) -> dict[str, int]:
    """How many calls had which; 0: its caller gave up, -1: its connection broke, -2: its answer failed."""
    return {str(status): count for status, count in sorted(tally.statuses.items())}


def _times(tally: Tally) -> dict[str, float]:
    took = tally.seconds(lambda call: call.status == OK) or [0.0]
    return {"p50_ms": rounded(quantile(took, 0.5) * 1e3), "p99_ms": rounded(quantile(took, 0.99) * 1e3)}


def _talk(stage: Stage, first: Tenant, *others: Tenant) -> Iterator[Wish]:
    made = tuple(stage.product.post("/v1/conversations", {}, first.key)["id"] for _ in range(_CONVERSATIONS))
    return talk([first, *others], stage.seed, conversations=made)
