"""The Markdown of the pages, tested where it is written: by Node's own test runner."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted(ROOT.glob("chalicelib/web/*.js"))


def node(*arguments):
    done = subprocess.run(["node", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
    return done.returncode, done.stdout + done.stderr


def test_the_markdown_of_the_pages():
    code, said = node("--test", "tests/browser/markdown.test.mjs")

    assert code == 0, said


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_a_module_is_well_formed(module):
    code, said = node("--check", str(module))

    assert code == 0, said
