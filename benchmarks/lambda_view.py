"""What Lambda bills for a turn: the app called with recorded events, DynamoDB in another process, models at once."""

import dataclasses
import os
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median
from typing import Final, TypeVar
from unittest.mock import patch

from benchmarks.figures import Figures, Row, quantile, rounded, spread
from benchmarks.round_trips import CountedDatabase, Tally, count
from benchmarks.turns import Scenario, Turns
from benchmarks.yardsticks import Yardstick, yardsticks
from chalicelib import bootstrap, settings
from chalicelib.adapters.dynamodb.client import Database
from chalicelib.adapters.telemetry.powertools import PowertoolsMeter
from chalicelib.bootstrap import open_database
from chalicelib.pipeline.services import Services

ROUNDS: Final = 7
Result = TypeVar("Result")


class Clocked:
    """The rounds of one kind of call, in milliseconds a call."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self.each: list[float] = []

    def clock(self, calls: Sequence[Callable[[], Result]]) -> list[Result]:
        """Run `calls` as one round; what they returned."""
        results: list[Result] = []
        ends: list[float] = []
        cpu, wall = time.process_time(), time.perf_counter()
        for call in calls:
            results.append(call())
            ends.append(time.perf_counter())
        self.cpu.append((time.process_time() - cpu) * 1e3 / len(calls))
        self.wall.append((ends[-1] - wall) * 1e3 / len(calls))
        self.each += [(end - start) * 1e3 for start, end in zip([wall, *ends[:-1]], ends, strict=True)]
        return results

    def row(self) -> Row:
        return {
            "calls": len(self.each),
            "cpu_ms": spread(self.cpu),
            "wall_ms": spread(self.wall),
            "p50_ms": quantile(self.each, 0.5),
            "p99_ms": quantile(self.each, 0.99),
        }


def measure(key: str, seed: int, figures: Figures) -> None:
    """First what a turn asks of DynamoDB, then how long it takes: the counting would cost time."""
    turns, tally = Turns(key), Tally()
    counted = deployed(CountedDatabase(settings.read(os.environ), tally))
    with patch("app.services", lambda: counted):
        asked = count(turns, tally, figures)
    plain = deployed(open_database(settings.read(os.environ)))
    with patch("app.services", lambda: plain):
        bare = yardsticks(turns.chat("What is a tide?"), asked["miss"]["transaction"])
        clocked = _rounds(turns, bare, random.Random(seed))
    for yardstick in bare:
        figures.add("yardstick", call=yardstick.name, rounds=ROUNDS, **clocked[yardstick.name].row())
    for scenario in turns.scenarios:
        row = clocked[scenario.name].row()
        figures.add("turn", turn=scenario.name, rounds=ROUNDS, **row, **_ratios(scenario.name, clocked, asked))


def deployed(database: Database) -> Services:
    """The services of this process over `database`, with the metrics that only a deployment writes."""
    with patch.object(bootstrap, "open_database", lambda _: database):
        services = bootstrap.build(settings.read(os.environ))
    return dataclasses.replace(services, meter=PowertoolsMeter(metrics=True))


def _rounds(turns: Turns, bare: tuple[Yardstick, ...], order: random.Random) -> dict[str, Clocked]:
    """Every kind once a round, in an order that `order` shuffles: what disturbs one round disturbs all kinds."""
    clocked: dict[str, Clocked] = defaultdict(Clocked)
    _warm(turns, bare)
    kinds: list[Scenario | Yardstick] = [*turns.scenarios, *bare]
    for _ in range(ROUNDS):
        for kind in order.sample(kinds, len(kinds)):
            if isinstance(kind, Yardstick):
                clocked[kind.name].clock(kind.prepare(kind.calls))
            else:
                _take(turns, kind, clocked[kind.name])
    return clocked


def _warm(turns: Turns, bare: tuple[Yardstick, ...]) -> None:
    for scenario in turns.scenarios:
        _take(turns, dataclasses.replace(scenario, turns=3), Clocked())
    for yardstick in bare:
        Clocked().clock(yardstick.prepare(3))


def _take(turns: Turns, scenario: Scenario, clocked: Clocked) -> None:
    events = scenario.prepare(scenario.turns)
    answers = clocked.clock([partial(scenario.take, event) for event in events])
    turns.check(scenario, events, answers)


def _ratios(name: str, clocked: Mapping[str, Clocked], asked: Mapping[str, Row]) -> Row:
    """Processor time against each yardstick, and against all that the turn must call of them: the floor."""
    calls: dict[str, float] = asked[name]["calls"]
    writes = calls.get("transact_write_items", 0)
    weights = {"chalice": 1.0, "get_item": sum(calls.values()) - writes, "transact_write": writes}
    mine = clocked[name].cpu
    floors = [sum(weight * clocked[each].cpu[place] for each, weight in weights.items()) for place in range(len(mine))]
    ratios = {f"x_{each}": _ratio(mine, clocked[each].cpu) for each in weights}
    return ratios | {"x_floor": _ratio(mine, floors)}


def _ratio(mine: list[float], bare: list[float]) -> float:
    """The median over the rounds of the ratio in each."""
    return rounded(median(own / other for own, other in zip(mine, bare, strict=True)))
