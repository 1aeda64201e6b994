"""The clock at the edge of a minute, under load, with a budget a minute: no overspend on either side."""

import asyncio
import time
from collections.abc import Iterator
from itertools import repeat
from typing import Final

from benchmarks.soak.books import line_of
from benchmarks.soak.crowd import Crowd, Wish, at_ease
from benchmarks.soak.mix import Tenant, fresh, tenant
from benchmarks.soak.stage import Stage

CALLERS: Final = 12
BUDGET: Final = 3_000
_MINUTE: Final = 60.0
_FILLED: Final = 0.9


async def edge(stage: Stage, seconds: float) -> None:
    """Ask before and after a minute ends: each window is charged what its turns burned, and at most its budget."""
    punctual = tenant(stage.product, "punctual", BUDGET, "minute")
    await asyncio.sleep((_MINUTE - seconds - time.time()) % _MINUTE)
    crowd = Crowd(stage.product.port)
    tally = await at_ease(crowd, _questions(punctual), CALLERS, 2 * seconds)
    crowd.close()
    burned = stage.model.books().burned[punctual.name]
    charged = line_of(stage.product, punctual, "month")["used"]["tokens"]
    after = line_of(stage.product, punctual, "minute")["used"]["tokens"]
    before = charged - after
    stage.figures.add("soak_edge", calls=len(tally.calls), burned=burned, before=before, after=after, budget=BUDGET)
    figure = f"{before}, {after}; {BUDGET}"
    stage.holds(7, "edge: charged before, after; budget of each", figure, held=_fits(before, after))
    stage.holds(7, "edge: burned, charged", f"{burned}, {charged}", held=burned == charged)
    stage.holds(38, "edge: faults of the server", f"{tally.faults} of {len(tally.calls)}", held=tally.faults == 0)


def _fits(*windows: int) -> bool:
    return all(_FILLED * BUDGET <= each <= BUDGET for each in windows)


def _questions(who: Tenant) -> Iterator[Wish]:
    return (who.ask(fresh()) for _ in repeat(None))
