"""A deployment that is told to end: it says how far it came, and nothing goes on without it."""

import os
import signal
import subprocess
import sys

import pytest

from tests.infra.runs import PATIENCE_S, ROOT, eventually, living

CHALICE = """
import os, subprocess, sys, time

def main():
    pip = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open("started.part", "w") as file:
        file.write(f"{os.getpid()} {pip.pid}")
    os.rename("started.part", "started")
    time.sleep(600)
"""
DEPLOYING = """
import sys
from pathlib import Path
from infra.deploy.chalice import ChaliceCommand
from infra.deploy.endings import taken_as_interrupts
from infra.deploy.faults import CannotDeploy
from infra.deploy.project import Project
from infra.deploy.run import apply

class Functions:
    title = "functions"

    def changes(self):
        return [None]

    def apply(self, say):
        ChaliceCommand(Project(Path(sys.argv[1]), "solo"), "eu-west-1").deploy()

with taken_as_interrupts():
    try:
        apply([Functions()], print)
    except CannotDeploy as fault:
        print(fault)
"""


@pytest.fixture
def deploying(tmp_path):
    (tmp_path / "chalice").mkdir()
    (tmp_path / "chalice/__init__.py").touch()
    (tmp_path / "chalice/cli.py").write_text(CHALICE)
    (tmp_path / "requirements.txt").touch()
    process = subprocess.Popen(
        [sys.executable, "-c", DEPLOYING, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # the library is found in the folder that it is run in
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_what_chalice_does_ends_with_the_deployment(deploying, tmp_path, told):
    if signal.getsignal(told) == signal.SIG_IGN:
        pytest.skip("whoever runs the tests ignores this signal, and a deployment inherits that")
    started = tmp_path / "started"
    eventually(started.exists)
    below = {int(pid) for pid in started.read_text().split()}

    deploying.send_signal(told)
    said, _ = deploying.communicate(timeout=PATIENCE_S)

    try:
        assert "interrupted\ndone: nothing; cut in: functions; not begun: nothing. Run it again" in said
        assert eventually(lambda: not living(below))
    finally:
        for pid in living(below):
            os.kill(pid, signal.SIGKILL)
