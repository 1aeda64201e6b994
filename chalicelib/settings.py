"""The environment, read once into one frozen value; every fault is reported at the same time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import Final

PREFIX: Final = "TIDEGATE_"
LOCAL: Final = "local"
MOST: Final = 1_000_000_000  # of seconds and whatever else is counted: 32 years
MOST_PORT: Final = 65_535
_PORT: Final = re.compile(r"\s*[0-9]{1,5}\s*")
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.:\[\]-]+")
_SOCKET_URL: Final = re.compile(r"wss?://[a-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_REGION: Final = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
_BASE_URL: Final = re.compile(r"https://[^/?#\s]+(/[^?#\s]*)?|http://127\.0\.0\.1:[0-9]+(/[^?#\s]*)?")
_LEAST_REGIONS: Final = 2
MODES: Final = ("off", "shadow", "serve")
WORDS: Final = ("off", "redacted")
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


class SettingsError(Exception):
    """What is wrong with the environment, one line for each fault."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; `docs/settings.md` says more. Secrets are left out of `repr`."""

    stage: str = LOCAL
    pepper: str = field(default="", repr=False)
    peppers_secret: str = ""
    upstream: str = ""
    upstream_key: str = field(default="", repr=False)
    upstream_model: str = ""
    cache: bool = True
    cache_ttl_seconds: int = 86_400
    semantic: str = "off"
    semantic_ms: int = 50
    index_mb: int = 256
    max_error: float = 0.01
    check_rate: float = 0.05
    embedder: str = "wordllama://"
    opensearch: str = ""
    lease_seconds: int = 900
    deadline_seconds: int = 60
    wait_seconds: int = 20
    job_seconds: int = 3_600
    flight_seconds: int = 10
    catalogue: str = ""
    origins: str = ""
    failures_a_minute: int = 60
    sockets: str = ""
    socket_url: str = ""
    webhook_ports: str = "443"
    webhook_loopback: bool = False
    regions: str = ""
    direct_dynamodb: bool = True
    log_level: str = "INFO"
    log_prompts: str = "off"

    @property
    def local(self) -> bool:
        """Whether this is a developer's machine: the only place where defaults may stand in for secrets."""
        return self.stage == LOCAL

    def table(self, name: str) -> str:
        """The name of a table in this stage."""
        return f"tidegate-{self.stage}-{name}"


def read(environ: Mapping[str, str]) -> Settings:
    """Settings from `TIDEGATE_…` variables; `SettingsError` lists every one that is wrong or unknown."""
    known = {PREFIX + each.name.upper(): each for each in fields(Settings)}
    faults = [f"{name} is not a setting" for name in sorted(environ) if name.startswith(PREFIX) and name not in known]
    values: dict[str, object] = {}
    for name, each in known.items():
        if name in environ:
            try:
                values[each.name] = _OF_THEIR_OWN.get(each.name, _PARSERS[type(each.default)])(environ[name])
            except ValueError as fault:
                faults.append(f"{name}: {fault}")
    settings = Settings(**values)  # type: ignore[arg-type]
    faults += _contradictions(settings)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _contradictions(settings: Settings) -> list[str]:
    faults = []
    if not settings.local and not settings.pepper and not settings.peppers_secret:
        faults.append("TIDEGATE_PEPPERS_SECRET or TIDEGATE_PEPPER must be set outside the local stage")
    for name, known in (("semantic", MODES), ("log_prompts", WORDS), ("log_level", LEVELS)):
        if getattr(settings, name) not in known:
            faults.append(f"{PREFIX}{name.upper()} is one of {', '.join(known)}")
    if settings.webhook_loopback and not settings.local:
        faults.append("TIDEGATE_WEBHOOK_LOOPBACK is for the local stage alone")
    return faults


def _share(text: str) -> float:
    with suppress(ValueError):
        if 0 <= (number := float(text)) <= 1:
            return number
    raise ValueError("not a number from 0 to 1")


def boolean(text: str) -> bool:
    match text.strip().lower():
        case "1" | "true" | "yes" | "on":
            return True
        case "0" | "false" | "no" | "off":
            return False
        case _:
            raise ValueError("neither true nor false")


def _whole(text: str, least: int) -> int:
    with suppress(ValueError):
        if least <= (number := int(text)) <= MOST:
            return number
    raise ValueError(f"not a whole number from {least} to {MOST:,}")


def _positive(text: str) -> int:
    return _whole(text, 1)


def _count(text: str) -> int:
    return _whole(text, 0)


def _ports(text: str) -> str:
    if not all(_PORT.fullmatch(each) and 0 < int(each) <= MOST_PORT for each in text.split(",")):
        raise ValueError("not port numbers, with commas between them")
    return text


def _origins(text: str) -> str:
    wrong = [each for each in origins_of(text) if each != "none" and not _ORIGIN.fullmatch(each)]
    if wrong:
        raise ValueError(f"not an origin such as https://chat.example.com, nor none: {wrong[0]}")
    return text


def _socket_url(text: str) -> str:
    if text and not _SOCKET_URL.fullmatch(text):
        raise ValueError("not the address of a WebSocket such as wss://sockets.example.com/api")
    return text


def origins_of(text: str) -> frozenset[str]:
    """The origins that a setting names, in lower case, as browsers send them."""
    return frozenset(each.strip().lower() for each in text.split(",") if each.strip())


def _regions(text: str) -> str:
    if text and (len(known := regions_of(text)) < _LEAST_REGIONS or not all(map(_REGION.fullmatch, known))):
        raise ValueError("not two or more Regions such as us-east-1=https://…, with commas between them")
    if not all(map(_BASE_URL.fullmatch, regions_of(text).values())):
        raise ValueError("a Region's URL is https://host/path, or http://127.0.0.1:port for tests")
    return text


def regions_of(text: str) -> dict[str, str]:
    """The URLs that a setting gives for Regions, by their names, in its order."""
    pairs = (each.partition("=") for each in text.split(",") if each.strip())
    return {name.strip(): url.strip().rstrip("/") for name, _, url in pairs}


_OF_THEIR_OWN: Final[dict[str, Callable[[str], object]]] = {
    "flight_seconds": _count,
    "wait_seconds": _count,
    "failures_a_minute": _count,
    "origins": _origins,
    "socket_url": _socket_url,
    "webhook_ports": _ports,
    "regions": _regions,
}
_PARSERS: Final[dict[type, Callable[[str], object]]] = {bool: boolean, int: _positive, float: _share, str: str.strip}
