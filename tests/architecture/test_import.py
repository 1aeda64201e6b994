"""Packaging and every cold start import `app`: that needs nothing, and loads nothing it may not need."""

import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAZY = (
    "aws_lambda_powertools.utilities.idempotency",
    "boto3",
    "botocore",
    "numpy",
    "opensearchpy",
    "urllib3",
)

IMPORT = """
import sys
def refuse(event, args):
    if event.startswith("socket."):
        raise OSError(f"{event} while importing")
sys.path.insert(0, ".")
sys.addaudithook(refuse)
import MODULE
print(*sorted(sys.modules))
"""


@functools.cache
def imported(folder, module):
    """Import `module` in a fresh interpreter with an empty environment and no network."""
    code = IMPORT.replace("MODULE", module)
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, env={}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.split(), done.stderr


def test_importing_the_app_needs_no_environment_and_no_network():
    code, _, said = imported(ROOT, "app")

    assert code == 0, said


@pytest.mark.parametrize("module", LAZY)
def test_importing_the_app_leaves_what_a_cold_start_may_not_need(module):
    _, loaded, _ = imported(ROOT, "app")

    assert "app" in loaded
    assert module not in loaded


@pytest.mark.parametrize("module", ["chalicelib.bootstrap.learning", "chalicelib.adapters.vectors.flat"])
def test_what_learns_leaves_numpy_to_what_there_is_to_learn(module):
    _, loaded, _ = imported(ROOT, module)

    assert module in loaded
    assert "numpy" not in loaded


@pytest.mark.parametrize(
    "source",
    ["import os; os.environ['TIDEGATE_STAGE']", "import socket; socket.create_connection(('127.0.0.1', 9))"],
)
def test_an_import_with_needs_is_found(tmp_path, source):
    (tmp_path / "greedy.py").write_text(source)

    code, _, _ = imported(tmp_path, "greedy")

    assert code != 0
