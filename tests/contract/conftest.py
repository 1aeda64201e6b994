"""Each contract runs over memory, moto and an emulator; moto is reached by botocore's client, the emulator directly."""

import threading

import pytest
from moto import mock_aws

from tests.contract.direct import DirectStores
from tests.contract.stores import Emulator, MemoryStores, dynamo_stores

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


@pytest.fixture
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)


@pytest.fixture
def on_memory():
    return MemoryStores()


@pytest.fixture
def on_moto(credentials):
    with mock_aws():
        yield dynamo_stores()


@pytest.fixture
def on_emulator(credentials, emulator):
    return dynamo_stores(emulator, concurrent=True, kind=DirectStores)


@pytest.fixture(params=["memory", "moto", pytest.param("emulator", marks=pytest.mark.xdist_group("emulator"))])
def stores(request):
    """All ports over one place to store."""
    return request.getfixturevalue(f"on_{request.param}")
