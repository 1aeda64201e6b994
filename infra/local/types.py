"""Teaches msgspec every type of the product while there is one thread.

Msgspec 0.22 fills in what it knows of a type on its first use, and crashes the process where a second thread uses the
type meanwhile. A function in Lambda has one request at a time; a server of many threads met it in its first second.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import msgspec

PACKAGES: Final = tuple(
    f"chalicelib.{each}" for each in ("domain", "pipeline", "edge", "adapters.dynamodb", "adapters.models")
)


def learn(*packages: str) -> None:
    """Import these packages' modules, and have msgspec look at each type that then exists."""
    for package in packages:
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    for each in set(_below(msgspec.Struct)):
        with suppress(TypeError):  # one that is never decoded need not be decodable
            msgspec.json.Decoder(each)


def _below(kind: type[object]) -> Iterator[type[object]]:
    for each in type.__subclasses__(kind):
        yield each
        yield from _below(each)
