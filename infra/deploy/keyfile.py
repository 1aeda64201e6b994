"""The file that a first key is written into: looked at before anything is made, and never written over."""

import os
from collections.abc import Iterator
from pathlib import Path

from infra.deploy.faults import CannotDeploy


def key_file_faults(named: str, *, wanted: bool) -> Iterator[str]:
    """What is in the way of writing there; what is in it matters where a key is `wanted`."""
    path = Path(named).expanduser()
    folder = next(each for each in (path.absolute().parents) if each.exists())
    if path.is_dir():
        yield f"KEY_FILE={named} is a folder: name a file in it, such as {path / 'first-key'}"
    elif path.exists() and not path.is_file():
        yield f"KEY_FILE={named} is not a plain file: name one that is, or one that is not there yet"
    elif not folder.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        yield f"KEY_FILE={named} cannot be written: name a file in a folder of yours"
    elif wanted and path.exists() and path.stat().st_size:
        yield (
            f"KEY_FILE={named} has something in it, which the first key would take the place of: name another file, "
            "or move it away (a key of a deployment that was cut right there is of no use)"
        )


def write_key(named: str, key: str) -> None:
    """Write it for its owner alone to read."""
    path = Path(named).expanduser()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(key)
    except OSError as fault:
        raise CannotDeploy(f"KEY_FILE={named} cannot be written ({fault.strerror}), so no key was made") from fault
