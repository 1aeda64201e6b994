"""`make soak`: the product under load, too much load, an outage and time; one JSON object a line, and a page's part."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Final

from benchmarks import page
from benchmarks.asked import length
from benchmarks.figures import Figures, claim_stdout
from benchmarks.product import running
from benchmarks.soak import page as soak_page
from benchmarks.soak.books import model
from benchmarks.soak.edge import edge
from benchmarks.soak.load import load, overload
from benchmarks.soak.recovery import recovery
from benchmarks.soak.slow import slow
from benchmarks.soak.sockets import sockets
from benchmarks.soak.stage import Stage
from benchmarks.soak.steady import steady
from benchmarks.stoppable import stoppable

SEED: Final = 20_261_123
BEGIN: Final = "<!-- figures: `make soak` writes what follows -->"
END: Final = "<!-- end of the soak's figures -->"
SCENES: Final = ("load", "overload", "recovery", "slow", "edge", "sockets", "steady")
_CONNECTIONS: Final = 1_000
_LOAD_S: Final = 15.0
_LEVEL_S: Final = 10.0
_PART_S: Final = 4.0
_NEED_A_PEAK: Final = {"overload", "recovery", "steady"}
_LEAST_MINUTES: Final = 0.5  # in fewer nothing can be compared with what was before
_PAGE_MINUTES: Final = 10.0  # in fewer no memory is judged
_INDEX_MB: Final = "8"  # it is full within two minutes: what fills cannot be told from what leaks


def main() -> int:
    """Play the scenes; 1 where something did not hold. The page is written when all were played, for long enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=partial(length, least=_LEAST_MINUTES), default=10.0)
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=SCENES)
    asked = parser.parse_args()
    figures = Figures(claim_stdout())
    figures.begin(SEED)
    options = {"UPSTREAM_MODEL": "soak", "TIDEGATE_INDEX_MB": _INDEX_MB}
    with model() as moody, running(f"openai+{moody.url}/v1", **options) as product:
        asyncio.run(_play(Stage(product, moody, SEED, figures), asked.scenes, asked.minutes))
    if asked.minutes < _PAGE_MINUTES and "steady" in asked.scenes:
        print(f"make soak: too short to judge memory by, which takes {_PAGE_MINUTES:g} minutes", file=sys.stderr)
    elif set(asked.scenes) == set(SCENES):
        page.replace_between(BEGIN, END, soak_page.soak_tables(figures))
    broken = [row for row in figures.of("soak_holds") if not row["held"]]
    for row in broken:
        print(f"make soak: row {row['row']} did not hold: {row['what']}: {row['figure']}", file=sys.stderr)
    return 1 if broken else 0


async def _play(stage: Stage, wanted: Collection[str], minutes: float) -> None:
    if "load" in wanted:
        await load(stage, _LOAD_S)
    peak = await overload(stage, _LEVEL_S) if _NEED_A_PEAK & set(wanted) else 0.0
    scenes: dict[str, Callable[[], Awaitable[None]]] = {
        "recovery": partial(recovery, stage, peak),
        "slow": partial(slow, stage, _PART_S),
        "edge": partial(edge, stage, _PART_S),
        "sockets": partial(sockets, stage, _CONNECTIONS),
        "steady": partial(steady, stage, peak, minutes),
    }
    for name, scene in scenes.items():
        if name in wanted:
            await scene()


if __name__ == "__main__":
    stoppable()
    sys.exit(main())
