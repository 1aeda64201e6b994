"""Half of what the machine bears, for long, while the model fails now and then and callers leave: row 37."""

from typing import Final

from benchmarks.soak.crowd import Crowd, at_rate
from benchmarks.soak.load import statuses
from benchmarks.soak.mix import talk, tenant
from benchmarks.soak.stage import Stage
from benchmarks.soak.watch import watched

HALF: Final = 0.5
_EVERY: Final = 50
_LEAVERS: Final = 0.2
_PIECE_MS: Final = 5.0
_OURS: Final = ("api", "worker")


async def steady(stage: Stage, peak: float, minutes: float) -> None:
    """Watch each process; the emulator stands for a database and may hold what it is given."""
    lasting = tenant(stage.product, "lasting")
    product, crowd = stage.product, Crowd(stage.product.port)
    stage.model.order(every=_EVERY, piece_ms=_PIECE_MS)
    async with watched({"api": product.api, "worker": product.worker, "emulator": product.emulator}) as traces:
        wishes = talk([lasting], stage.seed, leavers=_LEAVERS)
        tally = await at_rate(crowd, wishes, lambda _: HALF * peak, minutes * 60)
    crowd.close()
    stage.model.order()
    told = stage.model.books().ends
    stage.figures.add("soak_steady", minutes=minutes, calls=len(tally.calls), statuses=statuses(tally), model=told)
    for name, trace in traces.items():
        row = trace.row()
        stage.figures.add("soak_growth", process=name, **row)
        if name in _OURS:
            more, figure = "descriptors, threads", f"{row['more_descriptors']}, {row['more_threads']}"
            if trace.is_long:
                more, figure = f"{more}, MB an hour", f"{figure}, {row['mb_an_hour']:g} ± {row['error']:g}"
            stage.holds(37, f"steady: {more} more of the {name}", figure, held=not row["grows"])
    stage.settle("steady", [lasting])
