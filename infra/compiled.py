"""`python -m infra.compiled`: compiles what Lambda loads, to be packaged beside its source.

A function cannot write to the folder that it runs from, so that each process that begins would compile every module
it imports: most of its CPU time until the first answer. Chalice packages all that is in `chalicelib` and in `vendor`;
there the bytecode is put where Python looks for it. It holds a hash of its source and counts for that source alone.
"""

from __future__ import annotations

import py_compile
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import distribution
from importlib.util import cache_from_source
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parents[1]
VENDOR: Final = "vendor"
_OURS: Final = "chalicelib"
_TASK: Final = PurePosixPath("/var/task")  # where Lambda has the package, as a traceback tells
_CHALICES: Final = ("chalice/__init__.py", "chalice/app.py")  # all that Chalice packages of itself
_RARE: Final = (
    *("boto3/", "charset_normalizer/", "events/", "idna/", "opensearchpy/", "requests/", "s3transfer/"),
    *("numpy/distutils/", "numpy/f2py/", "numpy/ma/", "numpy/polynomial/", "numpy/testing/"),
    "aws_lambda_powertools/event_handler/",
    *(f"aws_lambda_powertools/utilities/{each}/" for each in ("data_classes", "idempotency", "parameters", "parser")),
)
"""What few functions load, and late, or none: a zip has 50 MB."""


def compile_into(root: Path) -> None:
    """Compile the checkout at `root`, and what its lock says, by the Python that packages it; faults are told later."""
    for folder in (root / _OURS, root / VENDOR):
        for old in folder.rglob("__pycache__"):
            shutil.rmtree(old)
    for source in (root / _OURS).rglob("*.py"):
        _compile(source, source.relative_to(root), root)
    for source, place in ((root / "app.py", Path("app.py")), *_required(root / "requirements.txt")):
        _compile(source, place, root / VENDOR)


def _compile(source: Path, place: Path, into: Path) -> None:
    """What cannot be read or compiled stays source alone: whoever imports it says what is wrong."""
    with suppress(OSError):
        py_compile.compile(
            str(source),
            cfile=str(into / cache_from_source(str(place))),
            dfile=str(_TASK / place.as_posix()),
            invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH,
            quiet=2,
        )


def _required(lock: Path) -> Iterator[tuple[Path, Path]]:
    """The modules of the packages in a lock, as they are installed here, and their places in the zip."""
    named = re.findall(r"^([a-z][a-z0-9._-]*)==", lock.read_text(), re.MULTILINE)
    yield from ((Path(str(distribution("chalice").locate_file(name))), Path(name)) for name in _CHALICES)
    for file in (each for name in sorted(set(named)) for each in distribution(name).files or ()):
        if file.suffix == ".py" and not file.as_posix().startswith(_RARE) and not {"tests", ".."} & set(file.parts):
            yield Path(str(file.locate())), Path(file)


if __name__ == "__main__":
    compile_into(ROOT)
