"""The composition root: settings in, services out. The only package that knows ports and adapters alike."""

from __future__ import annotations

import os
import random
import secrets
import time
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from chalicelib import settings as environment
from chalicelib.bootstrap.accounts import open_accounts
from chalicelib.bootstrap.erasure import open_eraser, open_erasures
from chalicelib.bootstrap.lane import open_gauge, open_lane, queue_name
from chalicelib.bootstrap.meanings import open_review, semantic_tier
from chalicelib.bootstrap.notices import open_notices, reach
from chalicelib.bootstrap.offer import catalogue, check, replaced
from chalicelib.bootstrap.regions import here, open_homes, open_tenure
from chalicelib.bootstrap.sockets import open_courier, open_reception
from chalicelib.bootstrap.targets import Targets
from chalicelib.domain.errors import Misconfigured
from chalicelib.domain.identity import Pepperbox, Peppers
from chalicelib.domain.regions import ALONE
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.archive import Archive
from chalicelib.pipeline.cache import AnswerCache
from chalicelib.pipeline.erasure import remind
from chalicelib.pipeline.flights import LEADS, SingleFlight
from chalicelib.pipeline.health import Health
from chalicelib.pipeline.history import History
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.keyring import Keyring
from chalicelib.pipeline.lane import Lane
from chalicelib.pipeline.models import Models
from chalicelib.pipeline.once import LEASE_MARGIN, Once
from chalicelib.pipeline.plans import Plans
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.sizes import Sizes
from chalicelib.pipeline.strangers import Strangers
from chalicelib.pipeline.sweep import MOST, Sweeper, sweep
from chalicelib.pipeline.tenants import Tenants
from chalicelib.pipeline.threads import Threads
from chalicelib.pipeline.trail import Trail
from chalicelib.ports import Answers, Clock, Conversations, Fence, Keys, Responses, Turns
from chalicelib.ports import Targets as TargetStates
from chalicelib.settings import LOCAL, Settings

__all__ = [
    "build",
    "catalogue",
    "check",
    "open_database",
    "open_keys",
    "open_turns",
    "peppers",
    "queue",
    "refitter",
    "services",
    "socket_url",
    "sweeper",
]

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database
    from chalicelib.adapters.telemetry.powertools import PowertoolsMeter
    from chalicelib.pipeline.refit import Refitter


@cache
def services() -> Services:
    """The services of this process, built on the first call: an import must need no environment."""
    return build(environment.read(os.environ))


def queue() -> str:
    """The queue of the stage whose code this is; packaging asks too, without an environment."""
    return queue_name(os.environ.get("TIDEGATE_STAGE", LOCAL))


def socket_url() -> str:
    """Where the pages open a WebSocket; empty where they open none."""
    return environment.read(os.environ).socket_url


@cache
def sweeper() -> Sweeper:
    """What ends leases and sends again what was lost, by itself: it needs no secret and no model."""
    settings = environment.read(os.environ)
    database = open_database(settings)
    turns, lane = open_turns(database), open_lane(settings, database)
    chores = {"regions": open_tenure(settings, database).renew} if settings.regions else {}
    chores |= {"ended": lambda: sweep(turns, time.time(), MOST), "resent": lane.resend}
    chores["shown_out"] = open_reception(settings, database, lane).sweep
    chores["erasing"] = lambda: remind(open_erasures(database), lane.queue)
    if not settings.local:  # on a laptop the worker has so many threads, and no mapping that could be bounded
        gauge = open_gauge(settings, database, lane)
        chores |= {"workers": gauge.adjust, "broken": gauge.broken}
    return Sweeper(chores)


@cache
def refitter() -> Refitter:
    """What learns from the decisions of the semantic cache; numpy comes with it."""
    from chalicelib.bootstrap.learning import open_refitter

    settings = environment.read(os.environ)
    return open_refitter(settings, open_database(settings))


def build(settings: Settings) -> Services:
    """Services as `settings` say; each vendor's library is imported only where it is used."""
    database, targets, meter = open_database(settings), Targets(settings), _meter(settings)
    turns, keys, box = open_turns(database), open_keys(database), pepperbox(settings, meter.peppers_kept, time.time)
    answers, conversations, responses, states = _stores(database)
    models = Models(catalogue(settings), partial(replaced, settings), targets.faults, meter, time.time)
    sizes, pool, lane = Sizes(), Pool(states, random.random), open_lane(settings, database)
    semantic = semantic_tier(settings, database, targets.embedder)
    gate = Gate(turns, keys, box, models, settings.cache, pool, sizes.cap, semantic.scope, semantic.fits)
    answer_cache = AnswerCache(answers, settings.cache_ttl_seconds, semantic)
    fence: Fence = (homes := open_homes(settings, database, keys)) or ALONE
    admission = Admission(turns, conversations, settings.lease_seconds, time.time, fence)
    return Services(
        gate=gate,
        history=History(conversations),
        cache=answer_cache,
        admission=admission,
        flights=_single_flight(settings, answers, admission, answer_cache),
        router=Router(targets.chat, targets.embedder, pool, turns, time.time, settings.deadline_seconds, fence),
        lane=lane,
        courier=open_courier(settings, lane),
        reception=open_reception(settings, database, lane),
        strangers=Strangers(settings.failures_a_minute, meter.turned_away),
        notices=open_notices(settings, lane, keys, meter.told),
        sizes=sizes,
        archive=Archive(conversations, fence),
        once=_once(settings, database, gate, conversations, lane),
        threads=Threads(responses),
        accounts=open_accounts(database, keys, lane),
        plans=Plans(keys, models),
        tenants=Tenants(keys, secrets.token_bytes, reach(settings)),
        keyring=Keyring(keys, open_erasures(database), gate.peppers, secrets.token_bytes, live=not settings.local),
        review=open_review(database, semantic, gate.peppers, models),
        trail=_trail(database, gate),
        eraser=open_eraser(database, keys, semantic, open_reception(settings, database, lane).expel),
        health=Health({"database": keys.plans}, models, states, time.time),
        meter=meter,
        clock=time.time,
        homes=homes,
    )


def _stores(database: Database) -> tuple[Answers, Conversations, Responses, TargetStates]:
    """What is kept of turns, beside the ledger."""
    from chalicelib.adapters.dynamodb.answers import DynamoAnswers
    from chalicelib.adapters.dynamodb.conversations import DynamoConversations
    from chalicelib.adapters.dynamodb.responses import DynamoResponses
    from chalicelib.adapters.dynamodb.targets import DynamoTargets

    return DynamoAnswers(database), DynamoConversations(database), DynamoResponses(database), DynamoTargets(database)


def _meter(settings: Settings) -> PowertoolsMeter:
    from chalicelib.adapters.telemetry.powertools import PowertoolsMeter

    words = settings.log_prompts == "redacted"
    return PowertoolsMeter(metrics=not settings.local, level=settings.log_level, stage=settings.stage, words=words)


def _once(settings: Settings, database: Database, gate: Gate, conversations: Conversations, lane: Lane) -> Once:
    """A receipt's lease outlasts whatever a call may wait for, in line too; a twin waits for a model's time."""
    from chalicelib.adapters.dynamodb.receipts import DynamoReceipts

    longest = settings.deadline_seconds + settings.wait_seconds
    known = gate.turns, conversations, lane.jobs, gate.keys, gate.peppers
    return Once(
        DynamoReceipts(database),
        *known,
        time.time,
        _doze,
        lease_seconds=longest + LEASE_MARGIN,
        patience_seconds=settings.deadline_seconds,
    )


def _trail(database: Database, gate: Gate) -> Trail:
    """The audit trail; most of a process's life nobody asks for it."""
    from chalicelib.adapters.dynamodb.trail import DynamoEvents

    return Trail(DynamoEvents(database), gate.keys, gate.peppers)


def _single_flight(settings: Settings, answers: Answers, admission: Admission, cache: AnswerCache) -> SingleFlight:
    """What a turn waits leaves at least half of its time for a call of its own."""
    patience = min(LEADS * settings.flight_seconds, settings.deadline_seconds / 2)
    return SingleFlight(answers, admission, cache, settings.flight_seconds, patience, time.time, _doze)


def _doze(most_seconds: float) -> None:
    """A pause unlike that of others who wait for the same."""
    time.sleep(most_seconds * random.uniform(0.5, 1))  # noqa: S311 - nobody gains by guessing it


def open_database(settings: Settings) -> Database:
    """The stage's tables; no call is made yet."""
    from chalicelib.adapters.dynamodb.client import Database, jittered
    from chalicelib.adapters.dynamodb.table import tables

    names, pause = tables(settings.stage, here(settings)), jittered(time.sleep, random.random)
    return Database(names, pause=pause, direct=settings.direct_dynamodb)


def open_turns(database: Database) -> Turns:
    """The record of turns."""
    from chalicelib.adapters.dynamodb.turns import DynamoTurns

    return DynamoTurns(database)


def open_keys(database: Database) -> Keys:
    """Keys and plans."""
    from chalicelib.adapters.dynamodb.keys import DynamoKeys

    return DynamoKeys(database)


def peppers(settings: Settings) -> Peppers:
    """What key digests are made with at this moment."""
    return pepperbox(settings, lambda _: None, time.time).holding()


def pepperbox(settings: Settings, told: Callable[[str], None], clock: Clock) -> Pepperbox:
    """What key digests are made with from now on; who cannot have them now learns it here, not at the first key."""
    if settings.peppers_secret:
        from chalicelib.adapters.secrets.peppers import open_peppers

        box = open_peppers(settings.peppers_secret, told, clock)
        box.holding()
        return box
    if not settings.pepper:
        raise Misconfigured("TIDEGATE_PEPPER is not set")
    return Peppers(1, {1: settings.pepper.encode()})
