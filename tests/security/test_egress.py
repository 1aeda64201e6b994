"""No test reaches anything but this machine, nor does the product where tests run it in processes of its own.

Every connection and every look-up of a name is audited by the interpreter: in the tests by `tests/conftest.py`, in the
Python processes that any of them starts by `tests/egress`. One that is refused fails its suite. Not so where a process
is given an environment of its own: packaged functions, as Lambda starts them, and bare imports of what is in the zip.
"""

import os
import subprocess
import sys

import pytest

from tests.conftest import TESTS
from tests.egress.sitecustomize import NOTES
from tests.egress.watching import FOLDER, noted

ROOT = TESTS.parent
PROBE = """
import socket
from contextlib import suppress

with suppress(Exception), socket.socket() as sock:
    {reach}
"""
REACHING = [
    'sock.connect(("203.0.113.1", 9))',
    'sock.connect_ex(("203.0.113.1", 9))',
    'socket.getaddrinfo("example.invalid", 80)',
    'socket.create_connection(("169.254.169.254", 80), 0.1)',
]
STAYING = 'sock.connect(("127.0.0.1", 9))'


@pytest.fixture
def notes(tmp_path, monkeypatch):
    """Notes of its own for a test whose processes do what they may not."""
    file = tmp_path / "notes"
    file.touch()
    monkeypatch.setenv(NOTES, str(file))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    return file


def run(*command, **environ):
    command, environ = [sys.executable, *command], {**os.environ, **environ}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120, check=False)


def test_a_process_of_any_suite_is_watched(egress):
    before = len(noted(egress, "watched"))

    run("-c", "pass")

    assert len(noted(egress, "watched")) == before + 1


def test_a_suite_whose_process_reaches_out_fails_though_each_of_its_tests_passes(tmp_path):
    child = f"[sys.executable, '-c', {PROBE.format(reach=REACHING[0])!r}]"
    start = f"def test_it():\n    subprocess.run({child}, check=True)\n"
    imports = "import subprocess, sys\nfrom tests.egress.watching import egress\n"
    (tmp_path / "test_probe.py").write_text(imports + start)

    done = run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path, PYTHONPATH=str(ROOT))

    assert (done.returncode, "1 passed, 1 error" in done.stdout) == (1, True), done.stdout
    assert "refused '203.0.113.1'" in done.stdout


@pytest.mark.parametrize("reach", REACHING)
def test_a_process_is_refused_as_where_there_is_no_network(notes, reach):
    run("-c", PROBE.format(reach=reach))
    run("-c", PROBE.format(reach=STAYING))

    assert len(noted(notes, "watched")) == 2
    assert len(noted(notes, "refused")) == 1


def test_an_installer_may_fetch(notes):
    run("-m", "pip", "--version")

    assert notes.read_text() == ""
