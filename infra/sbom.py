"""Writes what a deployment contains as a CycloneDX list: every package, its hashes and its licence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from msgspec import Struct
from packageurl import PackageURL

LOCKS: Final = {
    Path("requirements.txt"): None,
    Path("requirements/dev.txt"): "chalice",  # the runtime of its handlers goes into every zip
    Path("requirements/weights.txt"): "wordllama",  # the table of its words does
}
_PIN: Final = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<hashes>(?:.*\\\n\s+--hash.*)+)", re.MULTILINE
)
_HASH: Final = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Pin(Struct, frozen=True):
    """One package of a lock, with the SHA-256 of every file that may be installed for it."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pins(locks: Mapping[Path, str | None] = LOCKS) -> Iterator[Pin]:
    """Every package of each lock, or the one that is named with it."""
    for lock, only in locks.items():
        for found in _PIN.finditer(lock.read_text()):
            if only in {None, found["name"]}:
                yield Pin(found["name"], found["version"], tuple(_HASH.findall(found["hashes"])))


def licence(name: str) -> str:
    """The licence that an installed package states: an SPDX expression where it has one."""
    told = metadata.metadata(name)
    kinds = (each.rpartition(" :: ")[2] for each in told.get_all("Classifier") or () if each.startswith("License ::"))
    stated = told["License-Expression"] or " AND ".join(kinds) or told["License"] or ""
    return str(stated).partition("\n")[0]


def bill() -> Bom:
    """The list, from what is installed here."""
    bom = Bom()
    bom.metadata.component = Component(name="tidegate", type=ComponentType.APPLICATION)
    for pin in pins():
        bom.components.add(_component(pin))
    bom.register_dependency(bom.metadata.component, bom.components)
    return bom


def _component(pin: Pin) -> Component:
    stated = licence(pin.name)
    purl = PackageURL("pypi", name=pin.name, version=pin.version)
    return Component(
        bom_ref=str(purl),
        name=pin.name,
        version=pin.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        licenses=[LicenseFactory().make_from_string(stated)] if stated else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in pin.hashes],
    )


if __name__ == "__main__":
    print(JsonV1Dot6(bill()).output_as_string(indent=2))
