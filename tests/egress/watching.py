"""Has every Python process that a suite starts held to this machine; `tests/conftest.py` gives `egress` to them all."""

import os
from pathlib import Path

import pytest

from tests.egress.sitecustomize import NOTES

FOLDER = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def egress(tmp_path_factory):
    """The file in which processes note that they are watched, and what they were refused: the suite fails by one."""
    notes = tmp_path_factory.mktemp("egress") / "notes"
    notes.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(NOTES, str(notes))
        patch.setenv("PYTHONPATH", str(FOLDER), prepend=os.pathsep)
        yield notes
    refused = noted(notes, "refused")
    assert not refused, "\n".join(refused)


def noted(notes, word):
    """The notes that begin with the word."""
    return [line for line in notes.read_text().splitlines() if line.startswith(word)]
