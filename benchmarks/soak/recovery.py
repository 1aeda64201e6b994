"""An outage under twice the usual load, and what becomes of the load when it is over: row 14."""

import asyncio
import time
from typing import Final

from benchmarks.figures import rounded
from benchmarks.soak.crowd import OK, Call, Crowd, at_rate
from benchmarks.soak.mix import talk, tenant
from benchmarks.soak.stage import Stage

USUAL: Final = 0.4
"""Of what the machine bears, so that twice as much is nearly all."""
BEFORE_S: Final = 10.0
OUTAGE_S: Final = 30.0
AFTER_S: Final = 40.0
_WINDOW_S: Final = 5.0
_BACK_WITHIN_S: Final = 30.0
_BACK: Final = 0.95
_CALM: Final = 0.95
_STORM: Final = 0.5


async def recovery(stage: Stage, peak: float) -> None:
    """The usual load, twice as much while the model fails every call, the usual again."""
    stormy = tenant(stage.product, "stormy")
    crowd, began = Crowd(stage.product.port), time.perf_counter()
    breaking = asyncio.create_task(_break(stage))

    def rate(at: float) -> float:
        return peak * USUAL * (2 if BEFORE_S <= at < BEFORE_S + OUTAGE_S else 1)

    tally = await at_rate(crowd, talk([stormy], stage.seed), rate, BEFORE_S + OUTAGE_S + AFTER_S)
    await breaking
    crowd.close()
    before = answered(tally.calls, began, began + BEFORE_S)
    outage = answered(tally.calls, began + BEFORE_S, began + BEFORE_S + OUTAGE_S)
    back = back_after(tally.calls, began + BEFORE_S + OUTAGE_S, AFTER_S, _BACK * before)
    stage.figures.add(
        "soak_recovery", calls=len(tally.calls), before=rounded(before), outage=rounded(outage), back_after_s=back
    )
    stage.holds(
        14,
        "recovery: what is answered, of the calls before, and while the model failed",
        f"{rounded(before)}, {rounded(outage)}",
        held=before >= _CALM and outage <= _STORM,
    )
    held = back is not None and back <= _BACK_WITHIN_S
    stage.holds(14, "recovery: seconds until 95 % are answered again", "never" if back is None else back, held=held)
    stage.settle("recovery", [stormy])
    await asyncio.sleep(_WINDOW_S)


async def _break(stage: Stage) -> None:
    await asyncio.sleep(BEFORE_S)
    stage.model.order(every=1, kinds=("500",))
    await asyncio.sleep(OUTAGE_S)
    stage.model.order()


def answered(calls: list[Call], begins: float, ends: float) -> float:
    """The share of the calls that came then which were answered."""
    due = [call for call in calls if begins <= call.due < ends]
    return sum(call.status == OK for call in due) / len(due)


def back_after(calls: list[Call], healed: float, lasted: float, wanted: float) -> float | None:
    """After how many seconds as many as wanted are answered, and stay so; None where the last are not."""
    back = lasted
    for number in reversed(range(int(lasted / _WINDOW_S))):
        begins = healed + number * _WINDOW_S
        if answered(calls, begins, begins + _WINDOW_S) < wanted:
            break
        back = number * _WINDOW_S
    return back if back < lasted else None
