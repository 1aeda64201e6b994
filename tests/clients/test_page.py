"""The programs of docs/clients.md, run as they stand there."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.product import surroundings
from tests.docs.pages import page

CLIENTS = page("docs/clients.md")
THERE = "http://127.0.0.1:8000"
FOLDER = Path(__file__).parent
PROGRAMS = [(language, block) for language in ("sh", "python", "js") for block in CLIENTS.blocks(language)]


def kept(product, text):
    """The program's address and key are those of the run that the tests have."""
    origin = product.url.removesuffix("/v1")
    return text.replace(THERE, origin).replace("ws://127.0.0.1:8000", origin.replace("http", "ws"))


@pytest.fixture
def run(product, clone, tmp_path):
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "api-key").write_text(product.key)
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")

    def run(language, program):
        file = tmp_path / {"sh": "program.sh", "python": "program.py", "js": "program.mjs"}[language]
        file.write_text(kept(product, program))
        shell = {"sh": "sh", "python": sys.executable, "js": shutil.which("node")}[language]
        done = subprocess.run(
            [shell, str(file)],
            cwd=tmp_path,
            env=surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(("language", "program"), PROGRAMS, ids=[f"{kind}-{n}" for n, (kind, _) in enumerate(PROGRAMS)])
def test_a_program_of_the_page_prints_an_answer(run, language, program):
    said = run(language, program)

    assert "tide" in said
    assert language != "sh" or said.endswith("data: [DONE]\n\n")


def test_every_client_has_a_program():
    assert [language for language, _ in PROGRAMS] == ["sh", "python", "python", "python", "js"]
