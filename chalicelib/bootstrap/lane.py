"""The line that turns wait in: which store has its jobs, and which queue brings them."""

from __future__ import annotations

import os
import secrets
import time
from threading import Semaphore
from typing import TYPE_CHECKING, Final

from chalicelib.bootstrap.offer import catalogue, replaced
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.valve import Gauge
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database

SEATS_PER_CORE: Final = 4
"""Callers who may wait at once for models that are down. A function has one caller; where many share a process, they
must not keep out those who can be answered now."""
LEASE_MARGIN_SECONDS: Final = 30  # beyond a model's deadline: what a worker needs to write down what came of a turn


def open_lane(settings: Settings, database: Database) -> Lane:
    """The stage's line; no call is made yet."""
    from chalicelib.adapters.dynamodb.jobs import DynamoJobs
    from chalicelib.adapters.queues.sqs import SqsJobQueue

    return Lane(
        DynamoJobs(database, mark=lambda: secrets.token_hex(8)),
        SqsJobQueue(queue_name(settings.stage)),
        time.time,
        time.sleep,
        most_seconds=settings.job_seconds,
        lease_seconds=settings.deadline_seconds + LEASE_MARGIN_SECONDS,
        patience_seconds=settings.wait_seconds,
        seats=Semaphore(SEATS_PER_CORE * (os.cpu_count() or 1)),
    )


def open_gauge(settings: Settings, database: Database, lane: Lane) -> Gauge:
    """What says how many workers the stage's line may have."""
    from chalicelib.adapters.dynamodb.targets import DynamoTargets
    from chalicelib.adapters.queues.event_source import EventSourceValve

    valve = EventSourceValve(queue_name(settings.stage))
    return Gauge(
        valve, lane.jobs, DynamoTargets(database), lambda: replaced(settings) or catalogue(settings), time.time
    )


def queue_name(stage: str) -> str:
    """The queue of a stage, as the template names it."""
    return f"tidegate-{stage}-turns"
