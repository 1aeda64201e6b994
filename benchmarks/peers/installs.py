"""Where the peers are: LiteLLM's proxy from PyPI and Portkey's gateway from npm, each in a folder of build."""

import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

from benchmarks.environments import ROOT, python_of
from benchmarks.figures import rounded
from infra.sbom import pins

_HERE: Final = Path(__file__).parent
_NODE: Final = ROOT / "build" / "peers-portkey"


@dataclass(frozen=True)
class Installed:
    """The command of each peer, and what each product's packages take on a disk, in MB."""

    litellm: str
    portkey: str
    sizes: dict[str, float]


def install() -> Installed:
    """Install what is not there; ends the run where that cannot be had."""
    if missing := [each for each in ("node", "npm") if shutil.which(each) is None]:
        raise SystemExit(f"make bench-peers: Portkey's gateway needs {' and '.join(missing)}; install node 20")
    python = python_of("peers-gateway")
    if python is None or not _node_modules():
        raise SystemExit("make bench-peers: LiteLLM and Portkey could not be installed; what pip and npm said is above")
    site = next((ROOT / "build" / "peers-gateway" / "lib").iterdir()) / "site-packages"
    sizes = {
        "tidegate": _ours(),
        "litellm": _megabytes(site.rglob("*")),
        "portkey": _megabytes((_NODE / "node_modules").rglob("*")),
    }
    portkey = _NODE / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    return Installed(str(Path(python).with_name("litellm")), str(portkey), sizes)


def _node_modules() -> bool:
    """Portkey as its lock has it, its web server at 1.13.8: with newer ones, which it allows, it answers no stream."""
    lock, ready = _HERE / "package-lock.json", _NODE / "ready"
    if ready.exists() and ready.read_text() == lock.read_text():
        return True
    _NODE.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(_HERE / name, _NODE / name)
    done = subprocess.run(["npm", "ci", "--loglevel=error", "--prefix", str(_NODE)], check=False)  # noqa: S603, S607
    if not done.returncode:
        ready.write_text(lock.read_text())
    return not done.returncode


def _ours() -> float:
    """The gateway and what requirements.txt gives it in a deployment."""
    files = list((ROOT / "chalicelib").rglob("*"))
    for pin in pins({ROOT / "requirements.txt": None}):
        with suppress(PackageNotFoundError):  # for another platform
            files += [Path(str(file.locate())) for file in distribution(pin.name).files or ()]
    return _megabytes(files)


def _megabytes(paths: Iterable[Path]) -> float:
    """What files take, without what Python compiled of them."""
    return rounded(sum(path.stat().st_size for path in paths if path.is_file() and path.suffix != ".pyc") / 1e6)
