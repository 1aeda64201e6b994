"""What is deployed: the files of this checkout that Chalice packages, and its `.chalice/config.json`."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
_SOURCES: Final = ("app.py", "requirements.txt", "chalicelib", "vendor")
_UNUSED: Final = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


class Project:
    """One stage of the checkout at `root`."""

    def __init__(self, root: Path, stage: str) -> None:
        self.root = root
        self.stage = stage

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """What the stage is told, over what every stage is told."""
        whole = json.loads((self.root / ".chalice/config.json").read_text())
        own = whole.pop("stages").get(self.stage, {})
        environment = whole.pop("environment_variables", {}) | own.pop("environment_variables", {})
        return {**whole, **own, "environment_variables": environment}

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables that its functions are given."""
        found: Mapping[str, str] = self.config["environment_variables"]
        return found

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
