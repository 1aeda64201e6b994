"""The environments that peers live in: each made once for its lock, apart from the product's."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_UV: Final = str(Path(sys.executable).with_name("uv"))
_INDEX: Final = (sys.executable, "-m", "pip", "config", "get", "global.index-url")


def python_of(name: str) -> str | None:
    """The interpreter of build/<name>, with what requirements/<name>.txt says; none where that cannot be had."""
    folder, lock = ROOT / "build" / name, ROOT / "requirements" / f"{name}.txt"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists() or ready.read_text() != lock.read_text():
        try:
            _make(folder, python, lock)
        except subprocess.CalledProcessError as fault:
            print(f"make bench: no {name} to compare with: {fault}", file=sys.stderr)
            return None
        ready.write_text(lock.read_text())
    return str(python)


def _make(folder: Path, python: Path, lock: Path) -> None:
    told = subprocess.run(_INDEX, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    index = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or told
    environment = os.environ | ({"UV_DEFAULT_INDEX": index} if index else {})
    made = [_UV, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
    filled = [_UV, "pip", "sync", "--quiet", "--require-hashes", "--python", str(python), str(lock)]
    for command in (made, filled):
        subprocess.run(command, env=environment, check=True)  # noqa: S603
