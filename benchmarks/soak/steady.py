"""Half of what the machine bears, for long, while the model fails now and then and callers leave: row 37."""

from collections import Counter
from typing import Final

from benchmarks.figures import rounded
from benchmarks.soak.books import ledger_of
from benchmarks.soak.crowd import OK, Crowd, Tally, at_rate
from benchmarks.soak.load import statuses
from benchmarks.soak.mix import CAP, Tenant, talk, tenant
from benchmarks.soak.stage import Stage
from benchmarks.soak.watch import Trace, watched

HALF: Final = 0.5
_EVERY: Final = 50
_LEAVERS: Final = 0.2
_PIECE_MS: Final = 5.0
_OURS: Final = ("api", "worker")
_LEAST_ANSWERED: Final = 0.9
_MOST_UNTOLD: Final = 300 + CAP
"""Tokens that a turn is charged of which no model told: the bytes that it sent, and the longest answer."""


async def steady(stage: Stage, peak: float, minutes: float) -> None:
    """Watch each process; the emulator stands for a database and may hold what it is given."""
    lasting = tenant(stage.product, "lasting")
    product, crowd = stage.product, Crowd(stage.product.port)
    before = Counter(stage.model.books().ends)
    stage.model.order(every=_EVERY, piece_ms=_PIECE_MS)
    pids = {"api": product.api, "worker": product.worker, "emulator": product.emulator}
    async with watched(pids, {"api": crowd.connections}) as traces:
        wishes = talk([lasting], stage.seed, leavers=_LEAVERS)
        tally = await at_rate(crowd, wishes, lambda _: HALF * peak, minutes * 60)
    crowd.close()
    stage.model.order()
    told = dict(Counter(stage.model.books().ends) - before)
    stage.figures.add("soak_steady", minutes=minutes, calls=len(tally.calls), statuses=statuses(tally), model=told)
    share = tally.statuses[OK] / len(tally.calls)
    stage.holds(37, "steady: what is answered, of all calls", rounded(share), held=share >= _LEAST_ANSWERED)
    for name, trace in traces.items():
        _tell(stage, name, trace)
    stage.settle("steady", [lasting])
    _untold(stage, lasting, tally, told)


def _tell(stage: Stage, name: str, trace: Trace) -> None:
    row = trace.row()
    stage.figures.add("soak_growth", process=name, **row)
    if name in _OURS:
        more, figure = "descriptors, threads", f"{row['more_descriptors']}, {row['more_threads']}"
        if trace.is_long:
            more, figure = f"{more}, MB an hour", f"{figure}, {row['mb_an_hour']:g} ± {row['error']:g}"
        stage.holds(37, f"steady: {more} more of the {name}", figure, held=not row["grows"])


def _untold(stage: Stage, who: Tenant, tally: Tally, told: dict[str, int]) -> None:
    """Where no model told what it burned, a turn is charged the most that it can have been: and no more than that."""
    left = sum(call.left for call in tally.calls)
    failed = sum(told.values()) - told["answered"]
    over = ledger_of(stage.product, who)["used"] - stage.model.books().burned[who.name]
    most = _MOST_UNTOLD * (left + failed)
    stage.holds(5, f"steady: drift, most of {left} left and {failed} failed", f"{over}, {most}", held=over <= most)
