"""Cold and warm: what a start takes, and what each kind of event takes and asks for."""

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from statistics import mean, median
from typing import Final

from benchmarks.figures import Figures, Row, rounded, spread
from benchmarks.packaged.kinds import CHUNKS, Kind, ask, warmed
from benchmarks.packaged.package import BARE, Package
from benchmarks.packaged.runtime import Answered, Lambda, Took
from benchmarks.packaged.stage import Stage

WARM: Final = 3
OK: Final = 200
SOURCES, COMPILED = "sources", "compiled"
BOTH: Final = (BARE, "stream")  # of these what it takes without bytecode too


@dataclass(frozen=True)
class Rounds:
    """How often, how many events each time, and in which order."""

    rounds: int
    events: int
    seed: int


@dataclass
class Asked:
    """The rounds of one kind: milliseconds an event, and what all of them asked for."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    received: Counter[str] = field(default_factory=Counter)
    totals: Counter[str] = field(default_factory=Counter)


def cold(package: Package, stage: Stage, plan: Rounds, python: str, figures: Figures) -> None:
    """Each function once a round, each time in a new process, from its spawning to its first answer."""
    starts: dict[tuple[str, str], list[tuple[Took, Answered]]] = defaultdict(list)
    folders = {COMPILED: package.task, SOURCES: package.sources}
    for _, (modules, task), name in product(range(plan.rounds), folders.items(), package.functions):
        if modules == COMPILED or name in BOTH:
            starts[name, modules].append(_start(package, stage, name, task, python))
    for (name, modules), rounds in starts.items():
        bare = starts[BARE, modules]
        figures.add("packaged_start", function=name, modules=modules, rounds=plan.rounds, **_started(rounds, bare))


def _start(package: Package, stage: Stage, name: str, task: Path, python: str) -> tuple[Took, Answered]:
    event = stage.first(name)
    with Lambda(package.functions[name], task, stage.environ, python) as process:
        first = process.ask(event)
        assert first.head.get("statusCode", OK) == OK, f"{name}: {first}"
        return process.started, first


def _started(rounds: Sequence[tuple[Took, Answered]], bare: Sequence[tuple[Took, Answered]]) -> Row:
    init = [start.cpu_ms for start, _ in rounds]
    whole = [start.cpu_ms + first.cpu_ms for start, first in rounds]
    bare_whole = [start.cpu_ms + first.cpu_ms for start, first in bare]
    return {
        "init_cpu_ms": spread(init),
        "init_wall_ms": spread([start.wall_ms for start, _ in rounds]),
        "first_cpu_ms": spread([first.cpu_ms for _, first in rounds]),
        "x_init": _ratio(init, [start.cpu_ms for start, _ in bare]),
        "x_whole": _ratio(whole, bare_whole),
    }


def warm(stage: Stage, plan: Rounds, figures: Figures) -> None:
    """Every kind once a round, in shuffled order; what disturbs one round disturbs all kinds."""
    kinds = tuple(warmed(stage, WARM))
    found = {kind.name: Asked() for kind in kinds}
    order = random.Random(plan.seed)
    for _ in range(plan.rounds):
        for kind in order.sample(kinds, len(kinds)):
            _round(stage, kind, plan.events, found[kind.name])
    for kind in kinds:
        figures.add("packaged_event", **_row(kind, found, plan))
    figures.add("packaged_chunk", rounds=plan.rounds, cpu_us=spread(_chunks(found)))


def _round(stage: Stage, kind: Kind, events: int, asked: Asked) -> None:
    ready = kind.prepare(max(1, events // kind.turns))
    process, tally = stage.running(kind.function), stage.wire.tally
    tally.clear()
    logged = process.logged
    answers = [ask(stage, kind, event) for event in ready]
    asked.cpu.append(mean(each.cpu_ms for each in answers))
    asked.wall.append(median(each.wall_ms for each in answers))
    asked.calls.update({(service, name): n for service, each in tally.calls.items() for name, n in each.items()})
    asked.sent.update(tally.sent)
    asked.received.update(tally.received)
    asked.totals["events"] += len(ready)
    asked.totals["log_bytes"] += process.logged - logged
    asked.totals["answer_bytes"] += sum(len(each.body) for each in answers)
    asked.totals["read_milli"] += round(1e3 * tally.read_units)
    asked.totals["write_milli"] += round(1e3 * tally.write_units)
    stage.drain()


def _row(kind: Kind, found: Mapping[str, Asked], plan: Rounds) -> Row:
    asked, bare = found[kind.name], found[BARE]
    events = asked.totals["events"]
    calls: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (service, operation), number in sorted(asked.calls.items()):
        calls[service][operation] = rounded(number / events)
    return {
        "kind": kind.name,
        "function": kind.function.partition(",")[0],
        "http": kind.http,
        "turns": kind.turns,
        "rounds": plan.rounds,
        "events": events,
        "cpu_ms": spread(asked.cpu),
        "wall_ms": spread(asked.wall),
        "x_bare": _ratio(asked.cpu, bare.cpu),
        "calls": dict(calls),
        "sent": {service: rounded(asked.sent[service] / events) for service in calls},
        "received": {service: rounded(asked.received[service] / events) for service in calls},
        "log_bytes": rounded(asked.totals["log_bytes"] / events),
        "answer_bytes": rounded(asked.totals["answer_bytes"] / events),
        "read_units": rounded(asked.totals["read_milli"] / 1e3 / events),
        "write_units": rounded(asked.totals["write_milli"] / 1e3 / events),
    }


def _chunks(found: Mapping[str, Asked]) -> list[float]:
    """Microseconds a chunk: what the longer stream takes more."""
    few, many = (found[f"stream of {chunks} chunks"].cpu for chunks in CHUNKS)
    return [(long - short) * 1e3 / (CHUNKS[1] - CHUNKS[0]) for short, long in zip(few, many, strict=True)]


def _ratio(mine: Sequence[float], bare: Sequence[float]) -> float:
    """The median over the rounds of the ratio in each."""
    return rounded(median(own / other for own, other in zip(mine, bare, strict=True)))
