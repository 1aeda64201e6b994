"""Runs of the stand-in product, each in a directory of its own, and accounts that stages are deployed into."""

import os
import shutil
import signal

import pytest

from tests.infra.deploy_world import Emulator, World
from tests.infra.runs import Run, free_port, living


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """The state that a first run leaves: to import the emulator's CloudFormation takes seconds, once."""
    run = Run(tmp_path_factory.mktemp("first") / "local", free_port()).until_ready()
    run.process.terminate()
    run.end()
    run.close()
    return run.directory / "aws"


@pytest.fixture(scope="module")
def emulator():
    """An emulated AWS of the module's own, for stages that nobody calls."""
    running = Emulator()
    yield running
    running.close()


@pytest.fixture
def world(emulator, tmp_path, request):
    """An account that has nothing; its number is the test's."""
    number = f"{sum(request.node.name.encode()) * 7919 % 10**11 + 10**11:012}"
    return World(emulator, number, tmp_path / "project")


@pytest.fixture
def start_first(tmp_path):
    """Start runs in the test's own, empty directory; none outlives the test."""
    runs = []

    def start_one(port=None, **environ):
        run = Run(tmp_path / "local", port or free_port(), **environ)
        runs.append(run)
        return run

    yield start_one
    for run in runs:
        for pid in living(run.everyone):
            os.kill(pid, signal.SIGKILL)
        run.process.wait()
        run.close()


@pytest.fixture
def start(start_first, tables, tmp_path):
    """Start runs in a directory of the test's own that has tables in it."""
    shutil.copytree(tables, tmp_path / "local" / "aws")
    return start_first
