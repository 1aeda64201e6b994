"""The line under load, in virtual time through the product's own turn, line and worker: goodput, fairness, a day.

`make bench` runs it; `.venv/bin/python -m benchmarks.lane [seed]` does alone: one JSON object a line.
"""

import random
import sys
from collections import Counter
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Row, quantile, rounded
from benchmarks.lane_day import START, day, waited
from benchmarks.lane_plot import fairness_svg
from benchmarks.lane_world import SERVICE_SECONDS, World
from chalicelib.domain.errors import NoCapacity, TidegateError
from chalicelib.domain.identity import Credential
from chalicelib.domain.jobs import Job, job_id
from chalicelib.pipeline import turn
from chalicelib.pipeline.lane import Lane, Waiting

SLOTS: Final = 20
CAPACITY: Final = SLOTS / (SERVICE_SECONDS * 1.063)  # the mean of what its times are drawn from
LOADED_SECONDS: Final = 30.0
GIVES_UP_SECONDS: Final = 600.0
RETRIES: Final = 2  # what OpenAI's clients do by themselves
BIG: Final = 10_000
SMALL: Final = 50
LONG_SECONDS: Final = 10.0  # a wait that is worth an estimate
PLOT: Final = Path(__file__).parents[1] / "docs" / "lane-fairness.svg"


@dataclass(frozen=True, slots=True)
class Refusing(Lane):
    """No line: what it was before there was one."""

    def join(self, job: Job) -> Job:
        """Refuse."""
        raise NoCapacity(job.id, 2)


def goodput(seed: int, load: float, *, line: bool) -> Row:
    """Callers come at `load` times what the model bears, for half a minute, and take what they are told."""
    world = World(seed, slots=SLOTS, workers=SLOTS, start=START)
    if not line:
        lane = world.use.lane
        world.use = replace(world.use, lane=Refusing(*(getattr(lane, each.name) for each in fields(lane))))
    draw, ends, took = random.Random(seed), Counter[str](), list[tuple[float, float]]()
    key = world.key("crowd")

    def call(name: str) -> None:
        began = world.stage.now
        how = _answered(world, name, key)
        ends[how] += 1
        if how != "gave up":
            took.append((world.stage.now, world.stage.now - began))

    at, number = 0.0, 0
    while at < LOADED_SECONDS:
        number += 1
        world.stage.after(at, partial(call, f"{number:032d}"))
        at += draw.expovariate(load * CAPACITY)
    world.sweep(START + LOADED_SECONDS + GIVES_UP_SECONDS)
    world.stage.run()
    in_time = sum(when <= START + LOADED_SECONDS for when, _ in took)
    return {
        "load": load,
        "line": line,
        "calls": number,
        "goodput_share": rounded(in_time / (LOADED_SECONDS * CAPACITY)),
        "answered": rounded(len(took) / number),
        "later": rounded(ends["later"] / number),
        "p50_s": rounded(quantile([each for _, each in took], 0.5)),
        "p99_s": rounded(quantile([each for _, each in took], 0.99)),
    }


def fairness(seed: int, *, grouped: bool, big: int = BIG, small: int = SMALL) -> tuple[Row, list[tuple[float, float]]]:
    """One tenant brings ten thousand jobs, fifty bring one each; when each of those came, and how long it waited."""
    world = World(seed, slots=SLOTS, workers=SLOTS, start=START)
    if not grouped:
        world.queue.fair = False
    crowd, names = world.key("big"), [f"{number:032d}" for number in range(big)]

    for name in names:
        world.stage.after(0.0, partial(_enqueue, world, crowd, name))
    draw, others = random.Random(seed), [f"{big + each:032d}" for each in range(small)]
    for each, name in enumerate(others):
        world.stage.after(draw.uniform(1, 0.15 * big), partial(_enqueue, world, world.key(f"small-{each}"), name))
    world.sweep(START + 0.4 * big)
    world.stage.run()
    waits = [(job.created_at - START, waited(job)) for job in _jobs(world, others)]
    took = [seconds for _, seconds in waits]
    row = {"fair": grouped, "small_p50_s": rounded(quantile(took, 0.5)), "small_max_s": rounded(max(took))}
    return {**row, "big_done_s": rounded(max(job.ended_at or START for job in _jobs(world, names)) - START)}, waits


def eta_error(seed: int, jobs: int = 2_000) -> Row:
    """How far the ETA that a job is told when it joins is from when it was begun, where it had to wait."""
    world = World(seed, slots=SLOTS, workers=SLOTS, start=START)
    key, told = world.key("crowd"), dict[str, int]()
    draw = random.Random(seed)

    def join(name: str) -> None:
        _enqueue(world, key, name)
        (job,) = _jobs(world, [name])
        told[job.id] = world.use.lane.standing(job).eta_seconds

    for number in range(jobs):
        world.stage.after(draw.uniform(0, 0.15 * jobs), partial(join, f"{number:032d}"))
    world.sweep(START + jobs)
    world.stage.run()
    took = {job.id: waited(job) for name in told if (job := world.jobs.get(name)) is not None}
    errors = [abs(eta - took[job]) / took[job] for job, eta in told.items() if took[job] > LONG_SECONDS]
    return {
        "jobs": len(errors),
        "error_p50": rounded(quantile(errors, 0.5)),
        "error_p90": rounded(quantile(errors, 0.9)),
    }


def measure(seed: int, figures: Figures) -> None:
    """All of it."""
    for load in (1.0, 3.0, 10.0):
        for line in (False, True):
            figures.add("goodput", **goodput(seed, load, line=line))
    curves = {}
    for grouped in (False, True):
        row, curves[grouped] = fairness(seed, grouped=grouped)
        figures.add("fairness", **row)
    PLOT.write_text(fairness_svg(curves))
    figures.add("eta", **eta_error(seed))
    figures.add("day", **day(seed, tenants=1_000, jobs=40_000))


def _answered(world: World, name: str, key: Credential) -> str:
    """What one caller comes to: an answer at once, one later, or none."""
    until = world.stage.now + GIVES_UP_SECONDS
    for attempt in range(1 + RETRIES):
        try:
            found = turn.answer(world.ask(key, f"{name}{attempt}", waits=True), world.use)
        except NoCapacity as full:
            world.stage.pause(full.retry_after_seconds)
            continue
        except TidegateError:
            return "gave up"
        if not isinstance(found, Waiting):
            return "at once"
        while not found.job.over and world.stage.now < until:
            world.stage.pause(max(1.0, found.eta_seconds))
            found = world.use.lane.standing(world.jobs.get(found.job.id) or found.job)
        return "later" if found.job.state == "completed" else "gave up"
    return "gave up"


def _enqueue(world: World, key: Credential, name: str) -> None:
    turn.enqueue(world.ask(key, name, waits=False), world.use)


def _jobs(world: World, names: list[str]) -> list[Job]:
    return [job for name in names if (job := world.jobs.get(job_id(name))) is not None]


def main() -> None:
    """One JSON object a line."""
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1, Figures(sys.stdout))


if __name__ == "__main__":
    main()
