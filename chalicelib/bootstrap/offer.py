"""Which models are on offer: the package's, an operator's, or all of them behind one upstream."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import msgspec

from chalicelib.bootstrap.targets import Targets
from chalicelib.domain.catalogue import Catalogue, Model, Target
from chalicelib.domain.errors import Misconfigured
from chalicelib.settings import Settings

SIMULATED: Final = "simulated://echo"
OFFLINE: Final = "wordllama://"


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
    found = Targets(settings).faults(replaced(settings) or catalogue(settings))
    if found:
        raise Misconfigured("; ".join(found[:1] if settings.upstream else found))  # one target, told once
