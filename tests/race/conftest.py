"""Real processes against engines that hold under concurrency."""

import json
import os
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.builders import a_credential, a_key, a_plan
from tests.contract.direct import DirectStores
from tests.contract.stores import Emulator, dynamo_stores
from tests.engines import dynamodb_local

WORKERS = 8
ROOT = Path(__file__).parents[2]
STARTING_SECONDS = 60


@pytest.fixture(scope="session")
def emulator():
    process = Emulator()
    try:
        pulse = threading.Event()
        for _ in range(STARTING_SECONDS * 20):
            if process.answers():
                break
            pulse.wait(0.05)
        yield process.url
    finally:
        process.stop()


@pytest.fixture(scope="session")
def dynamodb_engine():
    if absent := dynamodb_local.missing():
        why = f"DynamoDB Local needs {' and '.join(absent)} on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    engine = dynamodb_local.DynamoDBLocal()
    try:
        yield engine.url
    finally:
        engine.stop()


@pytest.fixture(params=["emulator", "dynamodb_engine"])
def endpoint(request, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return request.getfixturevalue(request.param)


@pytest.fixture
def make_stores(endpoint):
    """New tables with a key for each worker, all of one tenant, under a plan with these limits."""

    def make(*limits, **plan):
        stores = dynamo_stores(endpoint, concurrent=True, kind=DirectStores)
        stores.keys.put_plan(a_plan(*limits, **plan))
        for number in range(WORKERS):
            credential = a_credential(number=number)
            stores.keys.put(a_key(credential))
        return stores

    return make


class Crew:
    """Worker processes that wait for jobs: of `module`."""

    def __init__(self, stack, count, module="tests.race.worker"):
        environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        command = [sys.executable, "-m", module]
        pipe = subprocess.PIPE
        self.processes = [
            stack.enter_context(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)
            )
            for _ in range(count)
        ]

    def do(self, jobs):
        """All jobs at once, one for each process; what each says."""
        for process, job in zip(self.processes, jobs, strict=False):
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
        return [json.loads(process.stdout.readline()) for process, _ in zip(self.processes, jobs, strict=False)]


@pytest.fixture(scope="session")
def crew():
    with ExitStack() as stack:
        yield Crew(stack, WORKERS)
