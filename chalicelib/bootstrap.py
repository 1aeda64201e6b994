"""The composition root: settings in, services out. The only module that knows ports and adapters alike."""

from __future__ import annotations

import os
import random
import secrets
import time
import tomllib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import msgspec

from chalicelib import settings as environment
from chalicelib.domain.catalogue import Catalogue, Model, Target
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
from chalicelib.pipeline.plans import Plans
from chalicelib.pipeline.router import Router
from chalicelib.pipeline.services import Services
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
    from chalicelib.adapters.telemetry.powertools import PowertoolsMeter

    database = open_database(settings)
    targets = _Targets(settings)
    turns, conversations, keys = open_turns(database), DynamoConversations(database), open_keys(database)
    gate = Gate(turns, keys, peppers(settings), catalogue(settings), caching=settings.cache)
    return Services(
        gate=gate,
        history=History(conversations),
        cache=AnswerCache(DynamoAnswers(database), settings.cache_ttl_seconds),
        admission=Admission(turns, conversations, settings.lease_seconds),
        router=Router(targets.chat, targets.embedder, time.time),
        archive=Archive(conversations),
        accounts=Accounts(keys),
        plans=Plans(keys, gate.catalogue),
        keyring=Keyring(keys, gate.peppers, secrets.token_bytes, live=not settings.local),
        health=Health({"database": keys.plans}),
        meter=PowertoolsMeter(metrics=not settings.local, level=settings.log_level),
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
    """The catalogue of the package; with an upstream, or in the local stage, that serves every model instead."""
    text = resources.files("chalicelib").joinpath("catalogue.toml").read_text()
    shipped = msgspec.convert(tomllib.loads(text), Catalogue)
    if not settings.upstream and not settings.local:
        return shipped
    models = (msgspec.structs.replace(model, targets=(Target(_upstream(settings, model)),)) for model in shipped.models)
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
    """Open every target of the catalogue, and call none; `Misconfigured` says why one cannot be opened."""
    targets = _Targets(settings)
    for model in catalogue(settings).models:
        for target in model.targets:
            (targets.embedder if model.dimensions else targets.chat)(target.uri)


class _Targets:
    """Opens each target once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.chat = cache(self._chat)
        self.embedder = cache(self._embedder)

    def _chat(self, uri: str) -> ChatModel:
        match uri.partition("://")[0]:
            case "simulated":
                from chalicelib.adapters.models.simulated import open_simulated

                return open_simulated(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.models.openai import open_openai

                return open_openai(uri, key=self._settings.upstream_key)
            case "bedrock":
                from chalicelib.adapters.models.bedrock import open_bedrock

                return open_bedrock(uri)
            case "sagemaker":
                from chalicelib.adapters.models.sagemaker import open_sagemaker

                return open_sagemaker(uri)
            case scheme:
                raise Misconfigured(f"no model adapter for '{scheme}://'")

    def _embedder(self, uri: str) -> Embedder:
        match uri.partition("://")[0]:
            case "wordllama":
                from chalicelib.adapters.embedders.wordllama import open_wordllama

                return open_wordllama(uri)
            case "openai+http" | "openai+https":
                from chalicelib.adapters.embedders.openai import open_openai
                from chalicelib.adapters.models.openai_upstream import connect as connect_upstream

                return open_openai(uri, connect_upstream(uri, self._settings.upstream_key))
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
