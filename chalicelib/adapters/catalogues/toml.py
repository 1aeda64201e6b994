"""A catalogue as it is written: TOML, each piece with some models."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import msgspec

from chalicelib.domain.catalogue import Catalogue
from chalicelib.domain.errors import Misconfigured


def shipped() -> Catalogue:
    """The catalogue of the package."""
    return parsed([resources.files("chalicelib").joinpath("catalogue.toml").read_text()])


def in_file(name: str) -> Catalogue:
    """The catalogue in a file."""
    try:
        return parsed([Path(name).read_text()])
    except (OSError, UnicodeDecodeError) as fault:
        raise Misconfigured(f"the catalogue '{name}' cannot be read: {type(fault).__name__}") from fault


def parsed(texts: Sequence[str]) -> Catalogue:
    """The models of all pieces together; `Misconfigured` says what is wrong with which."""
    models = [model for place, text in enumerate(texts, start=1) for model in _piece(text, place).models]
    return Catalogue(tuple(models))


def _piece(text: str, place: int) -> Catalogue:
    try:
        return msgspec.convert(tomllib.loads(text), Catalogue)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as fault:
        raise Misconfigured(f"piece {place} of the catalogue: {fault}") from fault
