"""The composition root: settings in, services out. The only module that knows ports and adapters alike."""

from __future__ import annotations

import os
import random
import secrets
import time
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from chalicelib import settings as environment
from chalicelib.domain.catalogue import Catalogue, Model, Target
from chalicelib.domain.catalogue_check import faults
from chalicelib.domain.errors import Misconfigured
from chalicelib.domain.identity import Peppers
from chalicelib.pipeline.accounts import Accounts
from chalicelib.pipeline.admission import Admission
from chalicelib.pipeline.archive import Archive
from chalicelib.pipeline.cache import AnswerCache
from chalicelib.pipeline.health import Health
from chalicelib.pipeline.history import History
from chalicelib.pipeline.identify import Gate
from chalicelib.pipeline.keyring import Keyring
from chalicelib.pipeline.models import Models
from chalicelib.pipeline.plans import Plans
from chalicelib.pipeline.routing.pool import Pool
from chalicelib.pipeline.routing.router import Router
from chalicelib.pipeline.services import Services
from chalicelib.pipeline.sizes import Sizes
from chalicelib.pipeline.sweep import Sweeper
from chalicelib.ports import ChatModel, Embedder, Keys, Turns
from chalicelib.settings import Settings

if TYPE_CHECKING:
    from chalicelib.adapters.dynamodb.client import Database

SIMULATED: Final = "simulated://echo"
OFFLINE: Final = "wordllama://"


@cache
def services() -> Services:
    """The services of this process, built on the first call: an import must need no environment."""
    return build(environment.read(os.environ))


def sweeper() -> Sweeper:
    """What ends leases, by itself: it needs no secret and no model."""
    return Sweeper(open_turns(open_database(environment.read(os.environ))), time.time)


def build(settings: Settings) -> Services:
    """Services as `settings` say; each vendor's library is imported only where it is used."""
    from chalicelib.adapters.dynamodb.answers import DynamoAnswers
    from chalicelib.adapters.dynamodb.conversations import DynamoConversations
    from chalicelib.adapters.dynamodb.targets import DynamoTargets
    from chalicelib.adapters.telemetry.powertools import PowertoolsMeter

    database = open_database(settings)
    targets = _Targets(settings)
    turns, conversations, keys = open_turns(database), DynamoConversations(database), open_keys(database)
    meter = PowertoolsMeter(metrics=not settings.local, level=settings.log_level)
    models = Models(catalogue(settings), partial(replaced, settings), targets.faults, meter, time.time)
    sizes = Sizes()
    pool = Pool(DynamoTargets(database), random.random)
    gate = Gate(turns, keys, peppers(settings), models, caching=settings.cache, watch=pool, cap=sizes.cap)
    return Services(
        gate=gate,
        history=History(conversations),
        cache=AnswerCache(DynamoAnswers(database), settings.cache_ttl_seconds),
        admission=Admission(turns, conversations, settings.lease_seconds),
        router=Router(targets.chat, targets.embedder, pool, turns, time.time, settings.deadline_seconds),
        sizes=sizes,
        archive=Archive(conversations),
        accounts=Accounts(keys),
        plans=Plans(keys, models),
        keyring=Keyring(keys, gate.peppers, secrets.token_bytes, live=not settings.local),
        health=Health({"database": keys.plans}),
        meter=meter,
        clock=time.time,
    )


def open_database(settings: Settings) -> Database:
    """The stage's tables; no call is made yet."""
    from chalicelib.adapters.dynamodb.client import Database, jittered
    from chalicelib.adapters.dynamodb.table import tables

    return Database(tables(settings.stage), pause=jittered(time.sleep, random.random))


def open_turns(database: Database) -> Turns:
    """The record of turns."""
    from chalicelib.adapters.dynamodb.turns import DynamoTurns

    return DynamoTurns(database)


def open_keys(database: Database) -> Keys:
    """Keys and plans."""
    from chalicelib.adapters.dynamodb.keys import DynamoKeys

    return DynamoKeys(database)


def peppers(settings: Settings) -> Peppers:
    """What key digests are made with."""
    if settings.peppers_secret:
        from chalicelib.adapters.secrets.peppers import read_peppers

        return read_peppers(settings.peppers_secret)
    if not settings.pepper:
        raise Misconfigured("TIDEGATE_PEPPER is not set")
    return Peppers(1, {1: settings.pepper.encode()})


def catalogue(settings: Settings) -> Catalogue:
    """The catalogue of the package; with an upstream, or in the local stage, one target serves every model."""
    from chalicelib.adapters.catalogues.toml import shipped

    return _behind_upstream(settings, shipped())


def replaced(settings: Settings) -> Catalogue | None:
    """The catalogue that an operator put in the package's place, or None."""
    if not settings.catalogue:
        return None
    if settings.catalogue.endswith(".toml"):
        from chalicelib.adapters.catalogues.toml import in_file

        return _behind_upstream(settings, in_file(settings.catalogue))
    from chalicelib.adapters.catalogues.parameter_store import read_catalogue

    return _behind_upstream(settings, read_catalogue(settings.catalogue))


def _behind_upstream(settings: Settings, offered: Catalogue) -> Catalogue:
    if not settings.upstream and (not settings.local or settings.catalogue):
        return offered
    models = (
        msgspec.structs.replace(model, targets=(Target(_upstream(settings, model)),), hedge_after_ms=None)
        if model.targets
        else model
        for model in offered.models
    )
    return Catalogue(tuple(models))


def _upstream(settings: Settings, model: Model) -> str:
    """The target that stands before a model of the catalogue."""
    place, _, query = (settings.upstream or SIMULATED).partition("?")
    scheme = place.partition("://")[0]
    own = model.targets[0].uri
    if model.dimensions and (scheme == "simulated" or own.startswith(OFFLINE)):
        return OFFLINE
    if scheme == "bedrock":
        place = f"{place.rstrip('/')}/{settings.upstream_model or own.rpartition('/')[2]}"
    elif scheme != "simulated" and (name := model.id if model.dimensions else settings.upstream_model):
        query = f"{query}&model={quote(name)}".lstrip("&")
    return f"{place}?{query}" if query else place


def check(settings: Settings) -> None:
    """Open every target of the catalogue, and call none; `Misconfigured` says what cannot work."""
    found = _Targets(settings).faults(replaced(settings) or catalogue(settings))
    if found:
        raise Misconfigured("; ".join(found[:1] if settings.upstream else found))  # one target, told once


class _Targets:
    """Opens each target once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.chat = cache(self._chat)
        self.embedder = cache(self._embedder)

    def faults(self, offered: Catalogue) -> list[str]:
        """What is wrong with a catalogue, the targets that cannot be opened included."""
        found = faults(offered)
        for model in offered.models if not found else ():
            for target in model.targets:
                try:
                    (self.embedder if model.dimensions else self.chat)(target.uri)
                except Misconfigured as fault:
                    found.append(f"model '{model.id}': target '{target.name}': {fault.message}")
        return found

    def _chat(self, uri: str) -> ChatModel:
        match uri.partition("://")[0]:
            case "simulated":
                from chalicelib.adapters.models.simulated import open_simulated

                return open_simulated(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.models.openai import open_openai
                from chalicelib.adapters.secrets.stored import open_secret

                return open_openai(uri, self._own_key(uri), secrets=open_secret)
            case "bedrock":
                from chalicelib.adapters.models.bedrock import open_bedrock

                return open_bedrock(uri)
            case "sagemaker":
                from chalicelib.adapters.models.sagemaker import open_sagemaker

                return open_sagemaker(uri)
            case scheme:
                raise Misconfigured(f"no model adapter for '{scheme}://'")

    def _own_key(self, uri: str) -> str:
        """The operator's key, for the operator's upstream alone: no host of the catalogue is sent it."""
        own = self._settings.upstream.partition("?")[0]
        return self._settings.upstream_key if own and uri.partition("?")[0] == own else ""

    def _embedder(self, uri: str) -> Embedder:
        match uri.partition("://")[0]:
            case "wordllama":
                from chalicelib.adapters.embedders.wordllama import open_wordllama

                return open_wordllama(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.embedders.openai import open_openai
                from chalicelib.adapters.models.openai_upstream import connect as connect_upstream
                from chalicelib.adapters.secrets.stored import open_secret

                return open_openai(uri, connect_upstream(uri, self._own_key(uri), secrets=open_secret))
            case "bedrock":
                from chalicelib.adapters.embedders.bedrock import open_bedrock
                from chalicelib.adapters.models.bedrock_runtime import connect as connect_region

                return open_bedrock(uri, connect_region(uri))
            case "sagemaker":
                from chalicelib.adapters.embedders.openai import open_openai
                from chalicelib.adapters.models.sagemaker_runtime import connect as connect_endpoint

                return open_openai(uri, connect_endpoint(uri))
            case scheme:
                raise Misconfigured(f"no embedder for '{scheme}://'")
