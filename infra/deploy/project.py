"""What is deployed: the files of this checkout that Chalice packages, and its `.chalice/config.json`."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import msgspec

from infra.deploy.faults import CannotDeploy
from infra.stages import STAGES

ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = ("app.py", "requirements.txt", "chalicelib", "vendor")
CONFIG: Final = ".chalice/config.json"
_UNUSED: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})
_VARIABLES: Final = "environment_variables"


class _Told(msgspec.Struct):
    """A part of the configuration that tells functions something."""

    environment_variables: dict[str, Any] = {}


class _Stage(_Told):
    lambda_functions: dict[str, _Told] = {}


class _Whole(_Told, kw_only=True):
    stages: dict[str, _Stage]


class Project:
    """One stage of the checkout at `root`."""

    def __init__(self, root: Path, stage: str) -> None:
        self.root = root
        self.stage = stage

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the stage is told, over what every stage is told."""
        whole = self._read()
        if self.stage not in whole["stages"]:
            raise CannotDeploy(f"{CONFIG} has no stage {self.stage}: `.venv/bin/python -m infra.project` writes it")
        own = whole.pop("stages")[self.stage]
        environment = whole.pop(_VARIABLES, {}) | own.pop(_VARIABLES, {})
        return {**whole, **own, _VARIABLES: environment}

    def _read(self) -> dict[str, Any]:
        try:
            whole: dict[str, Any] = json.loads((self.root / CONFIG).read_text())
            msgspec.convert(whole, _Whole)
        except (OSError, ValueError) as fault:
            raise CannotDeploy(
                f"{CONFIG} cannot be read ({fault}): mend it, or take the last one that was committed: "
                f"`git checkout {CONFIG}`"
            ) from fault
        return whole

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that its functions are given."""
        found: Mapping[str, str] = self.config[_VARIABLES]
        return found

    @property
    def environments(self) -> Mapping[str, Mapping[str, Any]]:
        """What each function is given, as Chalice puts it together."""
        own = self.config.get("lambda_functions", {})
        return {
            name: {**self.environment, **own.get(name, {}).get(_VARIABLES, {})} for name in STAGES[self.stage].functions
        }

    @property
    def deployed_file(self) -> Path:
        """Where Chalice writes down what it made."""
        return self.root / f".chalice/deployed/{self.stage}.json"

    @property
    def out(self) -> Path:
        """Where this leaves what it made and learned."""
        return self.root / "build" / self.stage

    def mark(self) -> str:
        """What tells this code and configuration from any other; equal marks need no second deployment."""
        digest = hashlib.sha256(json.dumps(self.config, sort_keys=True).encode())
        digest.update(f"{platform.python_version_tuple()[:2]} {version('chalice')}".encode())
        for path in self._files():
            digest.update(f"{path.relative_to(self.root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()[:32]

    def _files(self) -> Iterator[Path]:
        roots = [self.root / name for name in _SOURCES]
        files = [each for root in roots for each in ([root] if root.is_file() else root.rglob("*"))]
        policies = (self.root / ".chalice").glob(f"policy-{self.stage}*.json")
        for path in sorted([*files, *policies]):
            if path.is_file() and not _UNUSED & set(path.parts) and path.suffix != ".pyc":
                yield path
