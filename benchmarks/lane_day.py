"""A day of bursts for many tenants through the line: how long work waits, what is lost, what happens twice."""

import random
from collections.abc import Iterator
from functools import partial
from typing import Final

from benchmarks.figures import Row, quantile, rounded
from benchmarks.lane_world import SERVICE_SECONDS, World
from chalicelib.domain.jobs import Job, job_id
from chalicelib.pipeline import turn

START: Final = 1_780_012_800.0
DAY_SECONDS: Final = 86_400.0
SLOTS: Final = 24


def day(seed: int, *, tenants: int, jobs: int, seconds: float = DAY_SECONDS) -> Row:
    """`jobs` turns of `tenants` over a day, half of them in bursts of one tenant; workers die, messages come twice."""
    world = World(seed, slots=SLOTS, workers=SLOTS, start=START, deaths=0.005)
    world.queue.twice, world.queue.failing = 0.02, 0.002
    keys = [world.key(f"tenant-{each}") for each in range(tenants)]
    asked: list[str] = []

    def arrive(place: int) -> None:
        name = f"{len(asked):032d}"
        asked.append(name)
        turn.enqueue(world.ask(keys[place], name, waits=False), world.use)

    for at, place in arrivals(random.Random(seed), tenants=tenants, jobs=jobs, seconds=seconds):
        world.stage.after(at, partial(arrive, place))
    world.sweep(START + seconds + 3_600)
    world.stage.run()

    ended = [world.jobs.get(job_id(name)) for name in asked]
    waits = [waited(each) for each in ended if each is not None and each.started_at]
    settled = [state for state, _ in world.shelf.leases.values()]
    return {
        "tenants": tenants,
        "jobs": len(asked),
        "used": rounded(sum(world.model.asked.values()) * SERVICE_SECONDS / (SLOTS * seconds)),
        "wait_p50_s": rounded(quantile(waits, 0.5)),
        "wait_p99_s": rounded(quantile(waits, 0.99)),
        "wait_max_s": rounded(max(waits)),
        "model_calls": sum(world.model.asked.values()),
        "lost": sum(each is None or each.state != "completed" for each in ended),
        "repeated": len(world.meter.reports) - len({each.turn_id for each in world.meter.reports}),
        "open_reservations": settled.count("open"),
    }


def waited(job: Job) -> float:
    """For how many seconds a job stood in line."""
    return (job.started_at or job.created_at) - job.created_at


def arrivals(draw: random.Random, *, tenants: int, jobs: int, seconds: float) -> Iterator[tuple[float, int]]:
    """When whose turn comes: one half evenly, the other in bursts of 50 to 500 within a minute."""
    for _ in range(jobs // 2):
        yield draw.uniform(0, seconds), draw.randrange(tenants)
    left = jobs - jobs // 2
    while left > 0:
        size, begins, place = min(left, draw.randrange(50, 500)), draw.uniform(0, seconds), draw.randrange(tenants)
        left -= size
        for _ in range(size):
            yield begins + draw.uniform(0, 60), place
