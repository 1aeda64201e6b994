"""A benchmark that is stopped leaves nothing, and shows no traceback."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

WORK = """
import signal, sys, tempfile, time
from benchmarks.stoppable import stoppable

signal.signal(signal.SIGINT, signal.default_int_handler)
if "ignoring" in sys.argv:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
stoppable()
with tempfile.TemporaryDirectory() as directory:
    print(directory, flush=True)
    time.sleep(1 if "ignoring" in sys.argv else 60)
"""


def stopped(number, *arguments):
    command = [sys.executable, "-c", WORK, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as it:
        directory = Path(it.stdout.readline().strip())
        assert directory.exists()
        it.send_signal(number)
        status, said = it.wait(30), it.stderr.read()
    assert not directory.exists()
    return status, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_what_it_opened_is_closed_however_it_is_stopped(number):
    assert stopped(number) == (128 + number, "")


def test_what_was_ignored_before_is_ignored():
    assert stopped(signal.SIGHUP, "ignoring") == (0, "")
