"""The zip that Lambda gets holds the product and its runtime requirements, and nothing else."""

import json
import re
import struct
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.conftest import ROOT, WEIGHTS, tree

UPLOAD_LIMIT_BYTES = 50_000_000  # what Lambda takes in one request, as `chalice deploy` sends it
FOREIGN = {
    "_distutils_hack",
    "infra",
    "moto",
    "mypy",
    "mypy_boto3_dynamodb",
    "pip",
    "pytest",
    "setuptools",
    "tests",
    "wheel",
}


def locked():
    lines = re.findall(r"^[a-z][^\\\n]*", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    wanted = [Requirement(line.strip()) for line in lines]
    return {canonicalize_name(each.name) for each in wanted if not each.marker or each.marker.evaluate()}


def run(folder, code, **environ):
    """Run `code` in an interpreter that sees the standard library and `folder`, as Lambda's does."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"
    command = [sys.executable, "-I", "-S", "-B", "-c", code]
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)


def sources(archive):
    """All but what is compiled of them."""
    return {name for name in archive.namelist() if not name.endswith(".pyc")}


def test_it_fits_one_upload(packages):
    assert (packages["solo"] / "deployment.zip").stat().st_size < UPLOAD_LIMIT_BYTES


def test_it_holds_exactly_the_locked_requirements(archive):
    found = {re.match(r"(.+?)-[^-/]+\.dist-info/", name) for name in archive.namelist()}

    assert {canonicalize_name(match[1]) for match in found if match} == locked()


def test_it_holds_all_of_the_product(archive):
    ours = {name for name in [*tree(), WEIGHTS] if name == "app.py" or name.startswith("chalicelib/")}

    held = {name for name in sources(archive) if name == "app.py" or name.startswith("chalicelib/")}

    assert held == ours


def test_it_holds_no_tool(archive):
    tops = {name.split("/")[0] for name in archive.namelist()}

    assert tops & FOREIGN == set()
    assert {name for name in sources(archive) if name.startswith("chalice/")} == {
        "chalice/__init__.py",
        "chalice/app.py",
    }


def test_the_app_starts_from_it_alone(unpacked):
    done = run(unpacked, "import app; print(app.__file__)")

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(unpacked)


LOADED = """
import json, app
app.services()
specs = [each.__spec__ for each in list(sys.modules.values()) if getattr(each, "__spec__", None)]
print(json.dumps([[each.origin, each.cached] for each in specs if each.origin and each.origin.endswith(".py")]))
"""
STAGED = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "test",
    "TIDEGATE_PEPPER": "pepper",
    "TIDEGATE_STAGE": "solo",
    "TIDEGATE_UPSTREAM": "simulated://echo",
}


def test_nothing_that_a_start_imports_is_left_to_compile(unpacked):
    done = run(unpacked, LOADED, **STAGED)
    assert done.returncode == 0, done.stderr
    loaded = [(Path(one), Path(other)) for one, other in json.loads(done.stdout) if Path(one).is_relative_to(unpacked)]

    assert "msgspec" in {source.parent.name for source, _ in loaded}
    assert [source for source, compiled in loaded if not counts(compiled, source)] == []


def counts(compiled, source):
    """Whether Python takes it for this source, whenever both were unpacked: by its hash, not by the time."""
    if not compiled.exists():
        return False
    magic, flags, known = struct.unpack("<4sI8s", compiled.read_bytes()[:16])
    is_checked_by_hash = flags == 3
    return is_checked_by_hash and magic == MAGIC_NUMBER and known == source_hash(source.read_bytes())


@pytest.mark.parametrize("module", ["aws_lambda_powertools", "boto3", "msgspec", "numpy", "urllib3"])
def test_a_requirement_loads_from_it(unpacked, module):
    done = run(unpacked, f"import {module}; print({module}.__file__)")

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(unpacked)
