"""What `make run` is told, and what it tells the processes that it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from infra.local.faults import CannotRun

REGION: Final = "us-east-1"
_STAND_IN: Final = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}
_FORWARDED: Final = {
    "UPSTREAM": "TIDEGATE_UPSTREAM",
    "UPSTREAM_KEY": "TIDEGATE_UPSTREAM_KEY",
    "UPSTREAM_MODEL": "TIDEGATE_UPSTREAM_MODEL",
    "CATALOGUE": "TIDEGATE_CATALOGUE",
    "SEMANTIC": "TIDEGATE_SEMANTIC",
    "OPENSEARCH_URL": "TIDEGATE_OPENSEARCH",
}
_UNLESS_GIVEN: Final = {
    "TIDEGATE_SEMANTIC": "serve"
}  # whoever tries it sees what it does; a deployment begins with less
_DIRECTORY: Final = "TIDEGATE_LOCAL_DIR"  # not for the product, which refuses settings that it does not know
_NOT_INHERITED: Final = frozenset({_DIRECTORY, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"})
_LAST_PORT: Final = 65535
_HOME: Final = Path(__file__).parents[2] / ".local"


@dataclass(frozen=True)
class Options:
    """The environment variables of `make run`, checked."""

    port: int
    directory: Path
    settings: Mapping[str, str]
    environ: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        port = environ.get("PORT") or "8000"
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            raise CannotRun(f"PORT must be a number from 1 to {_LAST_PORT}, not {port!r}")
        return cls(
            port=int(port),
            directory=Path(environ.get(_DIRECTORY) or _HOME).absolute(),
            settings=_UNLESS_GIVEN | {ours: environ[given] for given, ours in _FORWARDED.items() if environ.get(given)},
            environ=dict(environ),
        )

    def for_children(self, emulator_url: str, pepper: str) -> dict[str, str]:
        """Name the emulator to the product, and leave it real Bedrock when that is the upstream."""
        inherited = {
            name: value
            for name, value in self.environ.items()
            if not name.startswith("AWS_ENDPOINT_URL") and name not in _NOT_INHERITED
        }
        bedrock = self.settings.get("TIDEGATE_UPSTREAM", "").startswith("bedrock://")
        own = f"http://127.0.0.1:{self.port},http://localhost:{self.port}"
        return {
            "MALLOC_ARENA_MAX": "2",  # one for each of a few threads keeps a third more memory, and saves no time
            "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0",  # else each thread hoards what it freed, for hours
            **(inherited if bedrock else _without_account(inherited)),
            **_endpoints(emulator_url, everything=not bedrock),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            **_direct(inherited),
            "OPENBLAS_NUM_THREADS": "1",  # as .chalice/config.json has it
            "PYTHONUNBUFFERED": "1",
            "TIDEGATE_STAGE": "local",
            "TIDEGATE_ORIGINS": f"{given},{own}" if (given := inherited.get("TIDEGATE_ORIGINS")) else own,
            "TIDEGATE_SOCKETS": f"http://127.0.0.1:{self.port}",
            "TIDEGATE_SOCKET_URL": f"ws://127.0.0.1:{self.port}/ws",
            "TIDEGATE_PEPPER": inherited.get("TIDEGATE_PEPPER") or pepper,
            **self.settings,
        }


def for_tools(emulator_url: str, children: Mapping[str, str]) -> dict[str, str]:
    """Name the emulator and the pepper to another command of this machine, and no secret of its owner."""
    ours = {name: children[name] for name in ("TIDEGATE_STAGE", "TIDEGATE_PEPPER", "AWS_DEFAULT_REGION")}
    return {**_STAND_IN, **_endpoints(emulator_url, everything=True), **ours}


def _without_account(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep the accounts of this machine's owner out of reach of a run that needs none."""
    return {name: value for name, value in environ.items() if not name.startswith("AWS_")} | _STAND_IN


def _endpoints(url: str, *, everything: bool) -> dict[str, str]:
    if everything:
        return {"AWS_ENDPOINT_URL": url}
    return {f"AWS_ENDPOINT_URL_{service}": url for service in ("DYNAMODB", "SQS", "SSM", "SECRETS_MANAGER")}


def _direct(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep what runs on this machine from being asked of a proxy of its network."""
    known = [environ[name] for name in ("no_proxy", "NO_PROXY") if environ.get(name)]
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join([*known, "127.0.0.1", "localhost"]))
